import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { Role, Uuid } from '../shared/vocabulary.ts'

/**
 * A user of a tenant, their role there, and the tenant's name; of one without a role also whether a member has their
 * e-mail, in whatever case.
 */
export const findUser = defineCall({
  subject: 'identity-broker.user.find.v1',
  callers: ['device-auth', 'mcp-provider'],
  request: Type.Object({ tenant_id: Uuid, user_id: Uuid }),
  reply: Type.Object({
    user: Type.Object({
      id: Uuid,
      email: Type.Union([Type.String(), Type.Null()]),
      name: Type.Union([Type.String(), Type.Null()])
    }),
    role: Type.Union([Role, Type.Null()]),
    /** Of the IdP that says who they are. */
    issuer: Type.Optional(Type.String()),
    email_belongs_to_member: Type.Optional(Type.Boolean()),
    tenant: Type.Object({ id: Uuid, name: Type.String() })
  }),
  errors: ['not_found']
})
