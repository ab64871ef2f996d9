import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { decodeJwt } from 'jose'
import type { Connection, RefusalCode } from '../../database.ts'
import type { Brought, Material, Want } from './minted-token.ts'

type Given = { access_token: string; expires_in?: unknown }
type Expected = {
  material: Pick<Material, 'grant'>
  connection: Pick<Connection, 'revision' | 'quirks'>
  want: Want
  now: () => number
}

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
export const readAccessToken = ({ access_token, expires_in }: Given, expected: Expected): Brought => {
  const { material, connection, want, now } = expected
  const { grant } = material
  // Storing the answer raises the grant's generation.
  const generation = grant.generation + 1
  const refuse = (code: RefusalCode, why: string): Brought => ({
    refusal: { code, message: `The identity provider ${why}.`, connection_revision: connection.revision }
  })
  if (access_token.length > charactersMax)
    return refuse('audience_not_supported', 'gives access tokens that are too long to be sent')
  const claims = decode(access_token)
  if (claims === undefined && connection.quirks.includes('opaque_tokens_are_bound'))
    return { token: { ...opaqueToken(access_token, Math.floor(now() / 1000), secondsOf(expires_in)), generation } }
  if (!matches(Claims, claims))
    return refuse('audience_not_supported', 'gives opaque access tokens, so nobody can tell which server they are for')
  const audiences = [claims.aud].flat()
  if (audiences.length !== 1 || audiences[0] !== want.audience)
    return refuse('audience_not_supported', 'did not bind the access token to this server')
  if (claims.iss !== grant.issuer || claims.sub !== grant.subject)
    return refuse('policy_denied', 'answered with a token of somebody else')
  const expires_at = Math.min(claims.exp, Math.floor(now() / 1000) + secondsOf(expires_in))
  const jti = readable.test(claims.jti ?? '') ? (claims.jti ?? null) : null
  return { token: { token: access_token, token_hash: hashOf(access_token), jti, generation, expires_at } }
}

/** What Postgres takes and people can read. */
const readable = /^[\x20-\x7e]{1,255}$/

/** The header it is sent in has 16 KiB on most servers, for all that is in it. */
const charactersMax = 8 * 1024
/** How long a token is used whose end nobody knows. */
const unknownSeconds = 300

const opaqueToken = (token: string, nowSeconds: number, seconds: number) => ({
  ...{ token, token_hash: hashOf(token), jti: null },
  expires_at: nowSeconds + (Number.isFinite(seconds) ? seconds : unknownSeconds)
})

/** Whole seconds; without end where the IdP does not say. */
const secondsOf = (expiresIn: unknown): number => {
  const seconds = typeof expiresIn === 'string' && expiresIn !== '' ? Number(expiresIn) : expiresIn
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.floor(seconds) : Number.POSITIVE_INFINITY
}

const Named = Type.Object({ iss: Type.String(), sub: Type.String() })

/** Whom a JWT of this issuer is about; undefined for what is none, or is another issuer's. */
export const subjectOf = (token: unknown, issuer: string): string | undefined => {
  const claims = typeof token === 'string' ? decode(token) : undefined
  return matches(Named, claims) && claims.iss === issuer ? claims.sub : undefined
}

const decode = (token: string): unknown => {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}
