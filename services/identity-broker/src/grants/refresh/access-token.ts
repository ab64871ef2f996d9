import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Connection, Grant, RefusalCode } from '../../database.ts'
import { claimsOf, endOf, jtiOf, TokenClaims, typeOf } from './claims.ts'
import type { Brought, MintedToken, Want } from './minted-token.ts'

type Given = { access_token: string; expires_in?: unknown }
export type Expected = {
  material: { grant: Pick<Grant, 'generation' | 'issuer' | 'client_id'> & { subject: string } }
  connection: Pick<Connection, 'revision' | 'quirks' | 'kind'>
  want: Want
  now: () => number
}

/** The access token of a refresh, where it is one for what was wanted. */
export const readAccessToken = (given: Given, { material, connection, want, now }: Expected): Brought => {
  const { grant } = material
  const { issuer, subject } = grant
  const isOpaqueFine = connection.quirks.includes('opaque_tokens_are_bound')
  const checked = checkAccessToken(given, { issuer, subject, audience: want.audience, isOpaqueFine, now: now() })
  if (checked.refused)
    return { refusal: { code: checked.refused, message: checked.message, connection_revision: connection.revision } }
  // Storing the answer raises the grant's generation.
  return { token: { ...checked.token, generation: grant.generation + 1 } }
}

type Bounds = { issuer: string; subject: string; audience: string; isOpaqueFine: boolean; now: number }
type Checked =
  | { token: Omit<MintedToken, 'generation'>; refused?: undefined }
  | { token?: undefined; refused: RefusalCode; message: string }

/**
 * The access token of a token answer, if it is a JWT for exactly this audience, of this issuer and of this person.
 * Its signature is not checked here: it came straight from the token endpoint over a checked connection (OIDC Core
 * §3.1.3.7), and the MCP server verifies it anyway.
 */
export const checkAccessToken = ({ access_token, expires_in }: Given, bounds: Bounds): Checked => {
  const { issuer, subject, audience, isOpaqueFine, now } = bounds
  const token_hash = hashOf(access_token)
  if (access_token.length > charactersMax)
    return refuse('audience_not_supported', 'gives access tokens that are too long to be sent')
  const claims = claimsOf(access_token)
  if (claims === undefined && isOpaqueFine)
    return { token: { token: access_token, token_hash, jti: null, expires_at: endOf({ expires_in }, now) } }
  if (!matches(TokenClaims, claims))
    return refuse('audience_not_supported', 'gives opaque access tokens, so nobody can tell which server they are for')
  if (!accessTokenTypes.has(typeOf(access_token)))
    return refuse('audience_not_supported', 'answered with a token that is no access token')
  const audiences = [claims.aud].flat()
  if (audiences.length !== 1 || audiences[0] !== audience)
    return refuse('audience_not_supported', 'did not bind the access token to this server')
  if (claims.iss !== issuer || claims.sub !== subject)
    return refuse('policy_denied', 'answered with a token of somebody else')
  const expires_at = endOf({ exp: claims.exp, expires_in }, now)
  return { token: { token: access_token, token_hash, jti: jtiOf(claims), expires_at } }
}

/** Whether it is refused only because nobody can read which server it is for. */
export const isOpaque = (token: string): boolean => token.length <= charactersMax && claimsOf(token) === undefined

const refuse = (refused: RefusalCode, why: string): Checked => ({ refused, message: `The identity provider ${why}.` })

/** RFC 9068 §2.1; many say nothing, or that it is a JWT. ID tokens, ID-JAGs and logout tokens that say so are none. */
const accessTokenTypes: ReadonlySet<string> = new Set(['', 'jwt', 'at+jwt'])

/** The header it is sent in has 16 KiB on most servers, for all that is in it. */
export const charactersMax = 8 * 1024

const Named = Type.Object({ iss: Type.String(), sub: Type.String() })

/** Whom a JWT of this issuer is about; undefined for what is none, or is another issuer's. */
export const subjectOf = (token: unknown, issuer: string): string | undefined => {
  const claims = typeof token === 'string' ? claimsOf(token) : undefined
  return matches(Named, claims) && claims.iss === issuer ? claims.sub : undefined
}
