import { type Static, Type } from '@sinclair/typebox'

/** RFC 7591 §2, RFC 8414 §2: how our client shows who it is at a token endpoint; in the order we like them. */
export const authMethods = ['private_key_jwt', 'client_secret_basic', 'client_secret_post', 'none'] as const
export type AuthMethod = (typeof authMethods)[number]

/** A client of ours at one authorization server. */
export const OauthClient = Type.Object({
  client_id: Type.String(),
  client_secret: Type.Union([Type.String(), Type.Null()]),
  token_endpoint_auth_method: Type.Union(authMethods.map((method) => Type.Literal(method)))
})
export type OauthClient = Static<typeof OauthClient>

/** A client that was registered, and when its secret ends, in milliseconds since the epoch; null where it does not. */
export type Registration = { client: OauthClient; secretExpiresAt: number | null }
