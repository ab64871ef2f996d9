import { decodeProtectedHeader } from 'jose'
import type { AppStore } from '../apps/app-store.ts'
import type { App, Installation, Tenant } from '../database.ts'
import type { InstallationStore } from '../installations/store.ts'
import { type Audience, needsResource } from '../sign-in/begin.ts'
import type { UserStore } from '../users/store.ts'
import { appLinkType, type ReadAppLink } from './app-link.ts'
import type { ConnectAsk, ConnectLinks } from './link.ts'

/** The app's own id of its user, which is to be linked, and how it is made sure that they are the one who opened it. */
export type Linking = {
  app: App
  external_id: string
  /** Without a return URL, whose verified e-mail it has to be. */
  email: string | undefined
  jti: string
  /** Seconds since the epoch. */
  exp: number
}

/**
 * What a call at a server takes: a grant that was authorised for it, any grant, or a sign-in alone; also where nobody
 * can be asked.
 */
type Takes = 'resource' | 'grant' | 'sign_in'

/** What somebody who opens a link is asked for. */
export type Connect = {
  tenant: Tenant
  app: App | undefined
  /** The platform that acts where no app of ours does. */
  installation: Installation | undefined
  /** Whom it is for; anybody of the tenant where it is left out. */
  user_id: string | undefined
  server: { audience: string; name: string; takes: Takes } | undefined
  linking: Linking | undefined
  /** A registered URL of the app, where the browser goes in the end. */
  return_url: string | undefined
}

/** What a link asks for; undefined where it does not hold. `returnUrl` is another URL of its app than the first. */
export type FindConnect = (link: string, returnUrl?: string) => Promise<Connect | undefined>

type Needs = {
  connectLinks: Pick<ConnectLinks, 'read'>
  readAppLink: ReadAppLink
  apps: Pick<AppStore, 'find'>
  installations: Pick<InstallationStore, 'find'>
  users: Pick<UserStore, 'findTenant'>
  audiencesOf: (tenantId: string) => Promise<Audience[]>
}

/** Our own links, of calls that were refused, and those that an app signed. */
export const createFindConnect = (needs: Needs): FindConnect => {
  const find: FindConnect = async (link, returnUrl) =>
    typeOf(link) === appLinkType ? findSignedByApp(needs, link) : findOwn(needs, link, returnUrl)
  return find
}

const typeOf = (link: string): string | undefined => {
  try {
    return decodeProtectedHeader(link).typ
  } catch {
    return undefined
  }
}

const findSignedByApp = async ({ readAppLink, users }: Needs, link: string): Promise<Connect | undefined> => {
  const read = await readAppLink(link)
  const tenant = read && (await users.findTenant(read.app.tenant_id))
  if (!tenant) return undefined
  const { app, claims } = read
  const { sub: external_id, email, return_url, jti, exp } = claims
  const linking = { app, external_id, email, jti, exp }
  return { tenant, app, installation: undefined, user_id: undefined, server: undefined, linking, return_url }
}

const findOwn = async (
  { connectLinks, apps, installations, users, audiencesOf }: Needs,
  link: string,
  returnUrl: string | undefined
): Promise<Connect | undefined> => {
  const read = await connectLinks.read(link)
  if (!read) return undefined
  const { ask, jti, exp } = read
  const { tenant_id, user_id, app_id, installation_id, external_id } = ask
  const [tenant, app, installation, server] = await Promise.all([
    users.findTenant(tenant_id),
    app_id ? apps.find(tenant_id, app_id) : undefined,
    installation_id ? installations.find(tenant_id, installation_id) : undefined,
    named(ask, audiencesOf)
  ])
  if (!tenant || (app_id && !app) || (installation_id && !installation)) return undefined
  const return_url = returnUrlOf(app, returnUrl)
  const linking = app && external_id ? { app, external_id, email: undefined, jti, exp } : undefined
  // That the app asked is all we know: only its own session at the return URL tells whose browser this is.
  if (linking && !return_url) return undefined
  return { tenant, app, installation, user_id, server, linking, return_url }
}

/** The server as people call it; what identifies it where nobody can be asked. */
const named = async (
  { tenant_id, server }: ConnectAsk,
  audiencesOf: Needs['audiencesOf']
): Promise<Connect['server']> => {
  if (!server) return undefined
  const { audience, server_identifier = audience } = server
  const registered = await audiencesOf(tenant_id).catch(() => undefined)
  const known = registered?.find((one) => one.audience === audience)
  return { audience, name: known?.name ?? server_identifier, takes: registered ? takesOf(known) : 'sign_in' }
}

/** What is not registered is allowed by a pattern: its mode is `idp_token`. */
const takesOf = (known: Audience | undefined): Takes => {
  if (!known || needsResource(known)) return 'resource'
  return known.mode === 'signed' ? 'sign_in' : 'grant'
}

/** RFC 9700 §2.1: compared byte by byte, so that a link of ours leads nowhere its app did not register. */
const returnUrlOf = (app: App | undefined, wanted: string | undefined): string | undefined =>
  app?.return_urls.find((one) => one === wanted) ?? app?.return_urls[0]
