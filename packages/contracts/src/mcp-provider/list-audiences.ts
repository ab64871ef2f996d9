import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { ModeName, ServerIdentifier, Uuid } from '../shared/vocabulary.ts'

/** The audiences of a tenant's forwarding providers: what a sign-in asks the IdP for, and what may be minted for. */
export const listAudiences = defineCall({
  subject: 'mcp-provider.audience.list.v1',
  callers: ['identity-broker'],
  request: Type.Object({ tenant_id: Uuid }),
  reply: Type.Object({
    audiences: Type.Array(
      Type.Object({
        /** Left out by a replica that is older. */
        provider_id: Type.Optional(Uuid),
        audience: Type.String(),
        mode: ModeName,
        forward_id_token: Type.Optional(Type.Boolean()),
        server_identifier: ServerIdentifier,
        name: Type.String()
      })
    )
  }),
  errors: []
})
