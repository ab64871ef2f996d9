import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

/**
 * Asks the replica that sent a refresh token whether it still waits for the answer. Only the replica that `owner`
 * names replies; silence means that it is gone.
 */
export const refreshOwner = defineCall({
  subject: 'identity-broker.refresh-owner.v1',
  callers: ['identity-broker'],
  request: Type.Object({ owner: Uuid, grant_id: Uuid }),
  reply: Type.Object({ is_waiting: Type.Boolean() }),
  errors: [],
  toEveryReplica: true
})
