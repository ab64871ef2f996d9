import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'

/** The JSON of a part of a JWS (RFC 7515 §7.1), unverified; undefined for what is none. */
const partOf = (token: string, which: 0 | 1): unknown => {
  const parts = token.split('.')
  const part = parts[which] ?? ''
  if (parts.length !== 3 || !base64url.test(part)) return undefined
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}

const base64url = /^[\w-]+$/

/** The claims of a JWT, unverified; undefined for what is none. */
export const claimsOf = (token: string): unknown => {
  const claims = partOf(token, 1)
  return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? claims : undefined
}

const Typed = Type.Object({ typ: Type.String() })

/** RFC 8725 §3.11: what a JWT says it is, in lower case and without `application/`; empty where it does not say. */
export const typeOf = (token: string): string => {
  const header = partOf(token, 0)
  return matches(Typed, header) ? header.typ.toLowerCase().replace(/^application\//, '') : ''
}

/** What Postgres takes and people can read. */
const readable = /^[\x20-\x7e]{1,255}$/

export const jtiOf = ({ jti }: { jti?: string }): string | null =>
  jti !== undefined && readable.test(jti) ? jti : null

/** The end of a JWT (RFC 7519 §4.1.4), in seconds since the epoch. */
export const Exp = Type.Integer({ minimum: 1 })

/** What an ID token, and an access token that is a JWT, has to say (OIDC Core §2, RFC 9068 §2.2). */
export const TokenClaims = Type.Object({
  iss: Type.String(),
  sub: Type.String(),
  aud: Type.Union([Type.String(), Type.Array(Type.String())]),
  exp: Exp,
  jti: Type.Optional(Type.String())
})

/** Whole seconds of an `expires_in`; undefined where the answer does not say. */
const secondsOf = (expiresIn: unknown): number | undefined => {
  const seconds = typeof expiresIn === 'string' && expiresIn !== '' ? Number(expiresIn) : expiresIn
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : undefined
}

/** How long a token is used whose end nobody knows. */
const unknownSeconds = 300
/** How long any token is used: some ends that are told are milliseconds, or beyond every calendar. */
const keptSecondsMax = 86_400

/**
 * Until when a token is used, in seconds since the epoch: its `exp` or the end of its `expires_in`, whichever is sooner,
 * and a day at most.
 */
export const endOf = ({ exp, expires_in }: { exp?: number; expires_in?: unknown }, now: number): number => {
  const seconds = secondsOf(expires_in) ?? (exp === undefined ? unknownSeconds : keptSecondsMax)
  const end = Math.floor(now / 1000) + Math.min(seconds, keptSecondsMax)
  return exp === undefined ? end : Math.min(exp, end)
}
