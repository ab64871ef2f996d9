import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

/**
 * Asks the replica that sent a credential's refresh token whether it still waits for the answer. Only the replica that
 * `owner` names replies; silence means that it is gone.
 */
export const credentialOwner = defineCall({
  subject: 'mcp-provider.credential-owner.v1',
  callers: ['mcp-provider'],
  request: Type.Object({ owner: Uuid, credential_id: Uuid }),
  reply: Type.Object({ is_waiting: Type.Boolean() }),
  errors: [],
  toEveryReplica: true
})
