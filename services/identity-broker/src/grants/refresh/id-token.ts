import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import type { RefusalCode } from '../../database.ts'
import type { Expected } from './access-token.ts'
import { claimsOf, endOf, jtiOf, TokenClaims, typeOf } from './claims.ts'
import type { Brought } from './minted-token.ts'

/** More than any ID token with all the groups of its user. */
const charactersMax = 64 * 1024

/**
 * The ID token of a refresh, if it is of this issuer, of this person and for our client alone (OIDC Core §12.2). It came
 * straight from the token endpoint, so its signature is not checked (§3.1.3.7).
 */
export const readIdToken = (
  { id_token }: { id_token?: unknown },
  { material: { grant }, connection: { kind, revision }, now }: Pick<Expected, 'material' | 'connection' | 'now'>
): Brought => {
  const refuse = (code: RefusalCode, why: string): Brought => ({
    refusal: { code, message: `The identity provider ${why}.`, connection_revision: revision }
  })
  // Without discovery nobody knows whose ID token it would be.
  if (typeof id_token !== 'string' || kind !== 'oidc')
    return refuse('audience_not_supported', 'gives no ID token with a refresh')
  const claims = id_token.length <= charactersMax ? claimsOf(id_token) : undefined
  if (!matches(TokenClaims, claims) || !['', 'jwt'].includes(typeOf(id_token)))
    return refuse('audience_not_supported', 'answered with an ID token that is none')
  if (claims.iss !== grant.issuer || claims.sub !== grant.subject)
    return refuse('policy_denied', 'answered with a token of somebody else')
  const audiences = [claims.aud].flat()
  if (audiences.length !== 1 || audiences[0] !== grant.client_id)
    return refuse('policy_denied', 'answered with an ID token that is not for our client alone')
  const token_hash = hashOf(id_token)
  const expires_at = endOf({ exp: claims.exp }, now())
  return { token: { token: id_token, token_hash, jti: jtiOf(claims), generation: grant.generation + 1, expires_at } }
}
