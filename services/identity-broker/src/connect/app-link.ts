import { ExternalId, Uuid } from '@onbehalf/contracts'
import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import type { AppStore } from '../apps/app-store.ts'
import type { App } from '../database.ts'

/** What an app says in a link that it signs: which of its users opens it, and how it knows that they did. */
const Claims = Type.Object({
  /** The app's id here. */
  iss: Uuid,
  sub: ExternalId,
  /** Without a return URL: only whose e-mail this is, verified by their IdP, can be linked. */
  email: Type.Optional(Type.String({ format: 'email', maxLength: 320 })),
  return_url: Type.Optional(Type.String({ maxLength: 2048 })),
  exp: Type.Integer(),
  jti: Type.String({ minLength: 1, maxLength: 255 })
})
type Claims = Static<typeof Claims>

/** `typ` of such a link: whatever else an app signs with the key is none. */
export const appLinkType = 'onbehalf-link+jwt'
/** How far ahead its `exp` may lie. */
export const appLinkSecondsMax = 600
const toleranceSeconds = 30

type Needs = { apps: Pick<AppStore, 'findById'>; publicUrl: string; now?: () => number }

export type ReadAppLink = (link: string) => Promise<{ app: App; claims: Claims } | undefined>

/** What a link says that an app signed with one of its `link_keys`; undefined where it does not hold. */
export const createAppLinkReader =
  ({ apps, publicUrl, now = Date.now }: Needs): ReadAppLink =>
  async (link) => {
    const app = await appNamedIn(link, apps)
    if (!app) return undefined
    const verified = await jwtVerify(link, createLocalJWKSet({ keys: app.link_keys }), {
      ...{ algorithms: ['ES256', 'EdDSA', 'Ed25519'], typ: appLinkType, issuer: app.id, audience: publicUrl },
      ...{ clockTolerance: toleranceSeconds, currentDate: new Date(now()) }
    }).catch(() => undefined)
    const claims: unknown = verified?.payload
    return matches(Claims, claims) && isFit(claims, app, now()) ? { app, claims } : undefined
  }

/** Read before the signature only to choose the keys; the verification then holds the link to them. */
const appNamedIn = async (link: string, apps: Needs['apps']): Promise<App | undefined> => {
  const claims: unknown = decodeOrNothing(link)
  return matches(Claims, claims) ? apps.findById(claims.iss) : undefined
}

const decodeOrNothing = (link: string): unknown => {
  try {
    return decodeJwt(link)
  } catch {
    return undefined
  }
}

const isFit = ({ exp, email, return_url }: Claims, { return_urls }: App, now: number): boolean => {
  if (exp * 1000 > now + (appLinkSecondsMax + toleranceSeconds) * 1000) return false
  return return_url === undefined ? email !== undefined : return_urls.includes(return_url)
}
