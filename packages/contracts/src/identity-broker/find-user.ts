import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { Role, Uuid } from '../shared/vocabulary.ts'

/** A user of a tenant, their role there, and the tenant's name. */
export const findUser = defineCall({
  subject: 'identity-broker.user.find.v1',
  callers: ['device-auth'],
  request: Type.Object({ tenant_id: Uuid, user_id: Uuid }),
  reply: Type.Object({
    user: Type.Object({
      id: Uuid,
      email: Type.Union([Type.String(), Type.Null()]),
      name: Type.Union([Type.String(), Type.Null()])
    }),
    role: Type.Union([Role, Type.Null()]),
    tenant: Type.Object({ id: Uuid, name: Type.String() })
  }),
  errors: ['not_found']
})
