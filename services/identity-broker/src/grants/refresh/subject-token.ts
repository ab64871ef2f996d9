import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Expected } from './access-token.ts'
import { claimsOf, Exp, endOf } from './claims.ts'
import type { Brought } from './minted-token.ts'

const Ending = Type.Object({ exp: Exp })

/**
 * The access token that our client exchanges (RFC 8693 `subject_token`). It goes back to the token endpoint it came from
 * and nowhere else, so it may be opaque; that it is nobody else's was seen before.
 */
export const readSubjectToken = (
  { access_token, expires_in }: { access_token: string; expires_in?: unknown },
  { material: { grant }, now }: Pick<Expected, 'material' | 'now'>
): Brought => {
  const claims = claimsOf(access_token)
  const exp = matches(Ending, claims) ? claims.exp : undefined
  const expires_at = endOf({ ...(exp === undefined ? {} : { exp }), expires_in }, now())
  return {
    token: {
      ...{ token: access_token, token_hash: hashOf(access_token), jti: null },
      ...{ generation: grant.generation + 1, expires_at }
    }
  }
}
