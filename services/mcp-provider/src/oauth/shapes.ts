import { Uuid } from '@onbehalf/contracts'
import { orNull, wordOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'

const closed = { additionalProperties: false } as const

export const ProviderId = Type.Object({ id: Uuid }, closed)

export const AuthorizeBody = Type.Union([
  Type.Object(
    {
      /** Left out: the one that the authorization server takes, `authorization_code` first. */
      grant_type: Type.Optional(wordOf('authorization_code', 'client_credentials'))
    },
    closed
  ),
  Type.Null()
])

/**
 * `authorize_url` is where the browser goes next, where a person has to consent; `redirect_uri` where it comes back to,
 * which a client of the tenant's own has to be registered for.
 */
export const AuthorizeAnswer = Type.Object({
  status: wordOf('authorized', 'authorization_required'),
  authorize_url: Type.Optional(Type.String()),
  redirect_uri: Type.Optional(Type.String())
})

const Time = orNull(Type.String({ format: 'date-time' }))

/** How a provider stands with its authorization server. */
export const AuthorizationAnswer = Type.Object({
  auth_scope: wordOf('tenant', 'user'),
  /** none · authorized · sign_in_again: what was authorized ended. */
  status: wordOf('none', 'authorized', 'sign_in_again'),
  issuer: orNull(Type.String()),
  client_id: orNull(Type.String()),
  grant_type: orNull(wordOf('authorization_code', 'client_credentials')),
  scope: orNull(Type.String()),
  expires_at: Time,
  authorized_at: Time,
  /** Why its authorization server does not renew it: it is used until it ends, and is to be authorized anew. */
  refused_reason: orNull(Type.String())
})
export type AuthorizationAnswer = Static<typeof AuthorizationAnswer>
