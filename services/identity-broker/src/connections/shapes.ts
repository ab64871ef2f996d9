import { Uuid } from '@onbehalf/contracts'
import { orNull, pageAnswer, pageQuery, wordOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import { SamlChange, SamlSettings } from '../saml/settings.ts'
import { clientAuthentications, kinds, quirkNames, resourceSupports, suspectedNames } from './vocabulary.ts'

const closed = { additionalProperties: false } as const

/** Part of its callback's address: PUBLIC_URL/auth/callback/<tenant's slug>/<name>. */
export const ConnectionName = Type.String({ pattern: '^[a-z0-9-]{1,64}$' })
const Url = Type.String({ minLength: 1, maxLength: 2048 })
/** RFC 6749 appendix A: visible ASCII and spaces. */
const ClientId = Type.String({ minLength: 1, maxLength: 512, pattern: '^[\\x20-\\x7e]+$' })
const ClientSecret = Type.String({ minLength: 1, maxLength: 4096, pattern: '^[\\x20-\\x7e]+$' })
/** RFC 6749 §3.3 */
const Scopes = Type.String({
  maxLength: 2048,
  pattern: '^([\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*)?$'
})
const ClaimName = Type.String({ minLength: 1, maxLength: 256 })

const Quirks = Type.Array(wordOf(...quirkNames), { maxItems: quirkNames.length })

const Claims = Type.Object(
  {
    subject: Type.Optional(ClaimName),
    email: Type.Optional(orNull(ClaimName)),
    email_verified: Type.Optional(orNull(ClaimName)),
    name: Type.Optional(orNull(ClaimName))
  },
  closed
)

const endpoints = {
  authorization_endpoint: Type.Optional(Url),
  token_endpoint: Type.Optional(Url),
  userinfo_endpoint: Type.Optional(Url),
  revocation_endpoint: Type.Optional(orNull(Url))
}

/** What may be left out: then the default holds on create, and what is stored on update. */
const leavable = {
  issuer: Type.Optional(Url),
  ...endpoints,
  claims: Type.Optional(orNull(Claims)),
  /** Of the kind `saml`, which has nothing else besides its name. */
  saml: Type.Optional(SamlChange),
  client_id: Type.Optional(ClientId),
  client_secret: Type.Optional(orNull(ClientSecret)),
  client_authentication: Type.Optional(wordOf(...clientAuthentications)),
  scopes: Type.Optional(orNull(Scopes)),
  resource_support: Type.Optional(wordOf(...resourceSupports)),
  rotating: Type.Optional(Type.Boolean()),
  quirks: Type.Optional(orNull(Quirks))
}

export const NewConnection = Type.Object(
  { name: ConnectionName, kind: Type.Optional(wordOf(...kinds)), ...leavable },
  closed
)
export type NewConnection = Static<typeof NewConnection>

/** An update: what is left out stays, null clears. The kind stays what it is. */
export const ConnectionChange = Type.Object({ name: Type.Optional(ConnectionName), ...leavable }, closed)
export type ConnectionChange = Static<typeof ConnectionChange>

/** A switch that would explain why people were refused; `message` says what was seen, and what setting it gives up. */
export const SuspectedQuirkAnswer = Type.Object({
  quirk: wordOf(...suspectedNames),
  since: Type.String({ format: 'date-time' }),
  last_seen_at: Type.String({ format: 'date-time' }),
  message: Type.String()
})

export const ConnectionAnswer = Type.Object({
  id: Uuid,
  name: Type.String(),
  kind: wordOf(...kinds),
  issuer: Type.String(),
  authorization_endpoint: orNull(Type.String()),
  token_endpoint: orNull(Type.String()),
  userinfo_endpoint: orNull(Type.String()),
  revocation_endpoint: orNull(Type.String()),
  claims: orNull(
    Type.Object({
      subject: Type.String(),
      email: orNull(Type.String()),
      email_verified: orNull(Type.String()),
      name: orNull(Type.String())
    })
  ),
  saml: orNull(SamlSettings),
  client_id: Type.String(),
  /** Masked. */
  client_secret: orNull(Type.String()),
  client_authentication: wordOf(...clientAuthentications),
  scopes: Type.String(),
  resource_support: wordOf(...resourceSupports),
  rotating: Type.Boolean(),
  quirks: Type.Array(wordOf(...quirkNames)),
  suspected_quirks: Type.Array(SuspectedQuirkAnswer),
  /** To be registered at the IdP: where it sends browsers back to. */
  callback_url: Type.String(),
  back_channel_logout_url: orNull(Type.String()),
  post_logout_redirect_url: orNull(Type.String()),
  /** Of the kind `saml`: where we describe ourselves, and what we are called there (entityID). */
  metadata_url: orNull(Type.String()),
  /** To be registered at the IdP for `private_key_jwt`: the public keys of this client. */
  jwks_url: orNull(Type.String()),
  revision: Type.Integer(),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' })
})
export type ConnectionAnswer = Static<typeof ConnectionAnswer>

export const ConnectionPage = pageAnswer(ConnectionAnswer)
export const PageQuery = pageQuery({})
export const ConnectionId = Type.Object({ id: Uuid }, closed)
