import type { AppStore } from '../apps/app-store.ts'
import type { App, Tenant } from '../database.ts'
import type { Audience } from '../sign-in/begin.ts'
import type { UserStore } from '../users/store.ts'
import type { ConnectAsk, ConnectLinks } from './link.ts'

/** What somebody who opens a link is asked for. */
export type Connect = {
  tenant: Tenant
  app: App | undefined
  /** Whom it is for; anybody of the tenant where it is left out. */
  user_id: string | undefined
  server: { audience: string; name: string } | undefined
  /** A registered URL of the app, where the browser goes in the end. */
  return_url: string | undefined
}

/** What a link asks for; undefined where it does not hold. `returnUrl` is another URL of its app than the first. */
export type FindConnect = (link: string, returnUrl?: string) => Promise<Connect | undefined>

type Needs = {
  links: Pick<ConnectLinks, 'read'>
  apps: Pick<AppStore, 'find'>
  users: Pick<UserStore, 'findTenant'>
  audiencesOf: (tenantId: string) => Promise<Audience[]>
}

export const createFindConnect =
  ({ links, apps, users, audiencesOf }: Needs): FindConnect =>
  async (link, returnUrl) => {
    const ask = await links.read(link)
    if (!ask) return undefined
    const { tenant_id, user_id, app_id } = ask
    const [tenant, app, server] = await Promise.all([
      users.findTenant(tenant_id),
      app_id ? apps.find(tenant_id, app_id) : undefined,
      named(ask, audiencesOf)
    ])
    if (!tenant || (app_id && !app)) return undefined
    return { tenant, app, user_id, server, return_url: returnUrlOf(app, returnUrl) }
  }

/** The server as people call it; what identifies it where nobody can be asked. */
const named = async (
  { tenant_id, server }: ConnectAsk,
  audiencesOf: Needs['audiencesOf']
): Promise<Connect['server']> => {
  if (!server) return undefined
  const { audience, server_identifier = audience } = server
  const registered = await audiencesOf(tenant_id).catch(() => [])
  return { audience, name: registered.find((one) => one.audience === audience)?.name ?? server_identifier }
}

/** RFC 9700 §2.1: compared byte by byte, so that a link of ours leads nowhere its app did not register. */
const returnUrlOf = (app: App | undefined, wanted: string | undefined): string | undefined =>
  app?.return_urls.find((one) => one === wanted) ?? app?.return_urls[0]
