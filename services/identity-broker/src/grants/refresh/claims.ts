import { decodeJwt, decodeProtectedHeader } from 'jose'

/** The claims of a JWT, unverified; undefined for what is none. */
export const claimsOf = (token: string): unknown => {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}

/** RFC 8725 §3.11: what a JWT says it is, in lower case and without `application/`; empty where it does not say. */
export const typeOf = (token: string): string => {
  try {
    const { typ = '' } = decodeProtectedHeader(token)
    return String(typ)
      .toLowerCase()
      .replace(/^application\//, '')
  } catch {
    return ''
  }
}

/** What Postgres takes and people can read. */
const readable = /^[\x20-\x7e]{1,255}$/

export const jtiOf = ({ jti }: { jti?: string }): string | null =>
  jti !== undefined && readable.test(jti) ? jti : null

/** Whole seconds of an `expires_in`; without end where the answer does not say. */
export const secondsOf = (expiresIn: unknown): number => {
  const seconds = typeof expiresIn === 'string' && expiresIn !== '' ? Number(expiresIn) : expiresIn
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.floor(seconds) : Number.POSITIVE_INFINITY
}

/** How long a token is used whose end nobody knows. */
const unknownSeconds = 300

/** When a token ends of which only `expires_in` tells, in seconds since the epoch. */
export const endOf = (expiresIn: unknown, now: number): number => {
  const seconds = secondsOf(expiresIn)
  return Math.floor(now / 1000) + (Number.isFinite(seconds) ? seconds : unknownSeconds)
}
