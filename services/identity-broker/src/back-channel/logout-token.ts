import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { decodeProtectedHeader, errors, type JWTPayload } from 'jose'
import type { IdpClient } from '../connections/client.ts'
import type { VerifyJwt } from '../connections/verify-jwt.ts'

/** A logout token older than this is not taken, whatever its `exp` says; so long each is remembered. */
export const logoutTokenSeconds = 600

const name = Type.String({ minLength: 1, maxLength: 1024 })
const Logout = Type.Object({ jti: name, sub: Type.Optional(name), sid: Type.Optional(name) })

/** Whose sessions an IdP ends: those of one of its own sessions, of one person, or of a person in a session. */
export type Logout = Static<typeof Logout>

const event = 'http://schemas.openid.net/event/backchannel-logout'
const Events = Type.Object({ [event]: Type.Object({}) })

/** OpenID Connect Back-Channel Logout 1.0 §2.6. Throws `invalid_request`, naming what is wrong. */
export const createReadLogoutToken =
  (verifyJwt: VerifyJwt) =>
  async (token: string, { issuer, clientId, jwksUri = '' }: IdpClient): Promise<Logout> => {
    const claims = await verifyJwt(token, { issuer, clientId, jwksUri }, asked).catch((cause: unknown) => {
      throw isOurs(cause) ? cause : wrong(faultOf(cause), cause)
    })
    requireType(token)
    if (claims.nonce !== undefined) throw wrong('it has a nonce, as an id_token has')
    if (!matches(Events, claims.events)) throw wrong(`its events do not name ${event}`)
    if (claims.sub === undefined && claims.sid === undefined) throw wrong('it has neither a sub nor a sid')
    return logoutOf(claims)
  }

const asked = { requiredClaims: ['iat', 'exp', 'jti', 'events'], maxTokenAge: logoutTokenSeconds }

const logoutOf = ({ jti, sub, sid }: JWTPayload): Logout => {
  const logout = { jti, ...(sub === undefined ? {} : { sub }), ...(sid === undefined ? {} : { sid }) }
  if (matches(Logout, logout)) return logout
  throw wrong('its jti, sub or sid is no text')
}

// §2.4: `logout+jwt` is recommended; before it was, the type was left out or said nothing.
const types = new Set([undefined, 'logout+jwt', 'application/logout+jwt', 'jwt', 'application/jwt'])

const requireType = (token: string): void => {
  const { typ } = decodeProtectedHeader(token)
  if (!types.has(typ?.toLowerCase())) throw wrong('its typ is that of another kind of token')
}

const isOurs = (cause: unknown) => cause instanceof ReportedError && cause.code === 'identity_provider_unavailable'

const faultOf = (cause: unknown): string => {
  if (cause instanceof errors.JWTExpired) return 'it has ended, or is older than ten minutes'
  if (cause instanceof errors.JWTClaimValidationFailed) return `its ${cause.claim} is not as it must be`
  return 'it is not signed by a key of the identity provider'
}

const wrong = (why: string, cause?: unknown) =>
  new ReportedError('invalid_request', `The logout token does not hold: ${why}.`, { cause })
