import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { claimsOf, Exp, typeOf } from '../grants/refresh/claims.ts'
import { unfit } from './failure.ts'
import { requireCurrent } from './read-exchanged.ts'

// § Identity Assertion JWT Authorization Grant of draft-ietf-oauth-identity-assertion-authz-grant.
const Claims = Type.Object({
  iss: Type.String(),
  sub: Type.String(),
  aud: Type.Union([Type.String(), Type.Array(Type.String())]),
  client_id: Type.String(),
  jti: Type.String({ minLength: 1 }),
  exp: Exp,
  resource: Type.Optional(Type.Unknown())
})

/** What an ID-JAG has to say: who vouches for whom, at which authorization server, for which client and server. */
export type Bounds = { issuer: string; subject: string; audience: string; client_id: string; resource: string }

const idp = 'The identity provider'
const charactersMax = 64 * 1024

/**
 * Throws for an ID-JAG that says anything else: the authorization server would take it for what it says. It verifies the
 * signature; here it came straight from the token endpoint.
 */
export const checkIdJag = (jag: string, bounds: Bounds, now: number): void => {
  const claims = jag.length <= charactersMax ? claimsOf(jag) : undefined
  if (!matches(Claims, claims) || typeOf(jag) !== 'oauth-id-jag+jwt')
    throw unfit(idp, 'answered with an ID-JAG that is none')
  if (claims.iss !== bounds.issuer || claims.sub !== bounds.subject)
    throw unfit(idp, 'answered with an ID-JAG of somebody else', 'policy_denied')
  const audiences = [claims.aud].flat()
  if (audiences.length !== 1 || audiences[0] !== bounds.audience)
    throw unfit(idp, 'answered with an ID-JAG for another authorization server')
  if (claims.client_id !== bounds.client_id)
    throw unfit(idp, 'answered with an ID-JAG for another client than authentication.client_id')
  const resources = claims.resource === undefined ? [bounds.resource] : [claims.resource].flat()
  if (resources.length !== 1 || resources[0] !== bounds.resource)
    throw unfit(idp, 'answered with an ID-JAG for another server')
  requireCurrent(idp, claims.exp, now)
}
