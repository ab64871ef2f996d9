import { Role, Uuid } from '@onbehalf/contracts'
import { orNull, wordOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'

// Control characters and the marks that turn the direction of text could make a label read as something else.
const Label = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]*$'
})
const ClientId = Type.String({ minLength: 1, maxLength: 64 })
export const UserCode = Type.String({ minLength: 1, maxLength: 64 })

export const StartBody = Type.Object({
  client_id: ClientId,
  device_label: Type.Optional(Label),
  scope: Type.Optional(Type.String({ maxLength: 255 })),
  code_challenge: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })),
  code_challenge_method: Type.Optional(Type.Literal('S256')),
  tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 64 }))
})

export const StartAnswer = Type.Object({
  device_code: Type.String(),
  user_code: Type.String(),
  verification_uri: Type.String(),
  verification_uri_complete: Type.String(),
  expires_in: Type.Integer(),
  interval: Type.Integer()
})

export const TokenBody = Type.Object({
  grant_type: Type.Optional(Type.String({ maxLength: 128 })),
  device_code: Type.String({ minLength: 1, maxLength: 128 }),
  client_id: ClientId,
  code_verifier: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' }))
})

const Nullable = Type.Union([Type.String(), Type.Null()])

export const Subject = Type.Object({
  subject_type: wordOf('account', 'external_sso'),
  /** Null for an external user, who has a subject_email and a subject_issuer instead. */
  account: Type.Union([Type.Object({ id: Uuid, email: Nullable, name: Nullable }), Type.Null()]),
  workspaces: Type.Array(Type.Object({ id: Uuid, name: Type.String(), role: Role })),
  default_workspace_id: orNull(Uuid),
  subject_email: Type.Optional(Nullable),
  subject_issuer: Type.Optional(Type.String())
})

export const TokenAnswer = Type.Composite([
  Subject,
  Type.Object({
    token: Type.String(),
    token_id: Uuid,
    expires_at: Type.String(),
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer(),
    scope: Type.String()
  })
])

export const LookupQuery = Type.Object({ user_code: UserCode })

/** The last three only for somebody who is signed in. */
export const LookupAnswer = Type.Object({
  valid: Type.Boolean(),
  expires_in_remaining: Type.Integer(),
  client_id: Nullable,
  device_label: Type.Optional(Type.String()),
  created_ip: Type.Optional(Type.String()),
  created_at: Type.Optional(Type.String())
})

export const DecisionBody = Type.Object({ user_code: UserCode })
export const DecisionAnswer = Type.Object({ status: Type.Union([Type.Literal('approved'), Type.Literal('denied')]) })
