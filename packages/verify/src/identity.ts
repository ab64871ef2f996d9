import type { JWTPayload } from 'jose'
import { invalid } from './errors.ts'

/** Whom a token names, after everything about it was verified. Times in seconds since the epoch. */
export type Identity = {
  issuer: string
  /** Who: unique together with the issuer. */
  subject: string
  /** Only where the issuer says that it is verified; good to show, never to tell people apart. */
  email: string | undefined
  /** Who acts for them (RFC 8693 §4.1); undefined where they act themselves. */
  act: { sub: string } | undefined
  client_id: string | undefined
  scopes: readonly string[]
  /** The call the token is for. `null` for one that is for no call; undefined where it says nothing of calls. */
  tool: string | null | undefined
  arguments_digest: string | undefined
  jti: string | undefined
  /** The user's last sign-in. */
  auth_time: number | undefined
  expires_at: number
  /** All that the token says. */
  claims: Readonly<JWTPayload>
}

/** The identity in verified claims. Throws where a claim has another form than its definition gives it. */
export const identityOf = (claims: JWTPayload): Identity => {
  const { exp } = claims
  const [issuer, subject] = [text(claims, 'iss'), text(claims, 'sub')]
  if (!issuer || !subject || exp === undefined) throw invalid('iss, sub or exp is missing')
  return {
    issuer,
    subject,
    email: claims.email_verified === true ? text(claims, 'email') : undefined,
    act: actOf(claims.act),
    client_id: text(claims, 'client_id'),
    scopes: (text(claims, 'scope') ?? '').split(' ').filter((scope) => scope !== ''),
    tool: claims.tool === null ? null : text(claims, 'tool'),
    arguments_digest: text(claims, 'arguments_digest'),
    jti: text(claims, 'jti'),
    auth_time: time(claims, 'auth_time'),
    expires_at: exp,
    claims
  }
}

const text = (claims: JWTPayload, name: string): string | undefined => {
  const value = claims[name]
  if (value === undefined || typeof value === 'string') return value
  throw invalid(`${name} is not text`)
}

const time = (claims: JWTPayload, name: string): number | undefined => {
  const value = claims[name]
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
  throw invalid(`${name} is not a time`)
}

const actOf = (act: unknown): { sub: string } | undefined => {
  if (act === undefined) return undefined
  if (typeof act === 'object' && act !== null && 'sub' in act && typeof act.sub === 'string')
    return { ...act, sub: act.sub }
  throw invalid('act names nobody')
}
