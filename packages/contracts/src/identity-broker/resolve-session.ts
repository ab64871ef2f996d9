import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { ResolvedPrincipal } from '../shared/principal.ts'
import { Uuid } from '../shared/vocabulary.ts'

/** Whether a session whose JWT was verified still stands, and who it is now. */
export const resolveSession = defineCall({
  subject: 'identity-broker.session.resolve.v1',
  callers: ['mcp-provider', 'tool-invoker', 'device-auth'],
  request: Type.Object({ tenant_id: Uuid, session_id: Uuid }),
  reply: ResolvedPrincipal,
  errors: ['unauthenticated']
})
