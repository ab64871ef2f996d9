import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { decodeJwt } from 'jose'
import type { MintedToken, Want } from './minted-token.ts'

type Read = { token: MintedToken; refusal?: undefined } | { token?: undefined; refusal: Error }
type Expected = { subject: string; issuer: string; want: Want; now: () => number }

const Claims = Type.Object({
  iss: Type.String(),
  sub: Type.String(),
  aud: Type.Union([Type.String(), Type.Array(Type.String())]),
  exp: Type.Integer(),
  jti: Type.Optional(Type.String())
})

/**
 * The access token of a token answer, if it is a JWT for exactly this audience, of this issuer and of this person.
 * Its signature is not checked here: it came straight from the token endpoint over a checked connection (OIDC Core
 * §3.1.3.7), and the MCP server verifies it anyway.
 */
export const readAccessToken = (
  { access_token, expires_in }: { access_token: string; expires_in?: number },
  { subject, issuer, want, now }: Expected
): Read => {
  const claims = decode(access_token)
  if (!matches(Claims, claims))
    return refuse('audience_not_supported', 'gives opaque access tokens, so nobody can tell which server they are for')
  const audiences = [claims.aud].flat()
  if (audiences.length !== 1 || audiences[0] !== want.audience)
    return refuse('audience_not_supported', 'did not bind the access token to this server')
  if (claims.iss !== issuer || claims.sub !== subject)
    return refuse('policy_denied', 'answered with a token of somebody else')
  const nowSeconds = Math.floor(now() / 1000)
  const expires_at = Math.min(claims.exp, nowSeconds + Math.floor(expires_in ?? Number.POSITIVE_INFINITY))
  const jti = claims.jti ?? null
  return { token: { token: access_token, token_hash: hashOf(access_token), jti, expires_at } }
}

const decode = (token: string): unknown => {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}

const refuse = (code: 'audience_not_supported' | 'policy_denied', why: string): Read => ({
  refusal: new ReportedError(code, `The identity provider ${why}.`)
})
