import { Type } from '@sinclair/typebox'
import { UserCode } from '../device-code/schemas.ts'

const Place = Type.String({ minLength: 1, maxLength: 64 })

/** OIDC Core §3.1.2.1, in seconds. */
export const MaxAge = Type.Integer({ minimum: 0, maximum: 2_592_000 })

export const StartQuery = Type.Object({
  user_code: UserCode,
  tenant: Type.Optional(Place),
  connection: Type.Optional(Place),
  max_age: Type.Optional(MaxAge)
})

export const CompleteQuery = Type.Object({
  sso_assertion: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
  sso_error: Type.Optional(Type.String({ maxLength: 64 }))
})

/** What asks is told as long as it waits. */
export const ContextAnswer = Type.Object({
  subject_email: Type.String(),
  subject_issuer: Type.String(),
  user_code: Type.String(),
  csrf_token: Type.String(),
  expires_at: Type.String(),
  client_id: Type.Optional(Type.String()),
  device_label: Type.Optional(Type.String()),
  created_ip: Type.Optional(Type.String()),
  created_at: Type.Optional(Type.String()),
  expires_in_remaining: Type.Optional(Type.Integer())
})
