import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { ModeName, ServerIdentifier, Uuid } from '../shared/vocabulary.ts'

/** The audiences of a tenant's forwarding providers: what a sign-in asks the IdP for, and what may be minted for. */
export const listAudiences = defineCall({
  subject: 'mcp-provider.audience.list.v1',
  callers: ['identity-broker'],
  request: Type.Object({
    tenant_id: Uuid,
    /** One that somebody asks for: then `is_for_members` is told. */
    audience: Type.Optional(Type.String())
  }),
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
    ),
    /**
     * Whether there are providers at the audience that was asked for, forwarding or not, and none of them is marked for
     * external users; where none is at exactly this one, those count that differ from it in the slash at the end. Left
     * out by a replica that is older.
     */
    is_for_members: Type.Optional(Type.Boolean())
  }),
  errors: []
})
