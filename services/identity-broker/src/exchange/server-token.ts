import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { charactersMax } from '../grants/refresh/access-token.ts'
import { claimsOf, Exp, endOf, jtiOf, typeOf } from '../grants/refresh/claims.ts'
import { away, unfit } from './failure.ts'
import { requireCurrent } from './read-exchanged.ts'

const server = 'The authorization server of this server'

// RFC 6749 §5.1
const Answer = Type.Object({
  access_token: Type.String({ minLength: 1 }),
  token_type: Type.String(),
  expires_in: Type.Optional(Type.Unknown())
})

const Claims = Type.Object({
  iss: Type.String(),
  aud: Type.Union([Type.String(), Type.Array(Type.String())]),
  exp: Exp,
  jti: Type.Optional(Type.String())
})

/**
 * The access token a server's own authorization server gave for an ID-JAG. It may be opaque: the ID-JAG named the server,
 * and whom it is about is that server's own word. A JWT has to be its issuer's, and for this server alone.
 */
export const readServerToken = (
  body: unknown,
  { issuer, audience, now }: { issuer: string; audience: string; now: number }
) => {
  if (!matches(Answer, body)) throw away(server, new Error('an unreadable 200'))
  const { access_token: token, token_type, expires_in } = body
  if (
    token_type.toLowerCase() !== 'bearer' ||
    token.length > charactersMax ||
    !['', 'jwt', 'at+jwt'].includes(typeOf(token))
  )
    throw unfit(server, 'gives tokens of a kind that cannot be sent')
  const claims = claimsOf(token)
  if (claims === undefined)
    return { token, token_hash: hashOf(token), jti: null, expires_at: endOf({ expires_in }, now) }
  const isForIt = matches(Claims, claims) && claims.iss === issuer && [claims.aud].flat().join('\n') === audience
  if (!isForIt) throw unfit(server, 'did not bind the access token to this server')
  const expires_at = endOf({ exp: claims.exp, expires_in }, now)
  requireCurrent(server, expires_at, now)
  return { token, token_hash: hashOf(token), jti: jtiOf(claims), expires_at }
}
