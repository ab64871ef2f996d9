import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { Uuid } from '../shared/vocabulary.ts'

// So long that nobody has it carried to all replicas for more than it is worth.
const RequestId = Type.Union([Type.String({ maxLength: 256 }), Type.Integer()])
const Outcome = Type.Union([
  Type.Object({ result: Type.Record(Type.String(), Type.Unknown()) }),
  Type.Object({
    error: Type.Object({ code: Type.Number(), message: Type.String(), data: Type.Optional(Type.Unknown()) })
  })
])

/**
 * Tells the replica that a session of an MCP client concerns what the client said to another one: an answer to a request
 * of ours, that a request is cancelled, that its roots are others, that it wants to hear of other resources, or that the session has ended. Only a
 * replica that has to do with it replies; `session` is the digest of its id.
 */
export const sessionMessage = defineCall({
  subject: 'tool-invoker.session-message.v1',
  callers: ['tool-invoker'],
  request: Type.Object({
    session: Type.String({ maxLength: 64 }),
    message: Type.Union([
      Type.Object({ kind: Type.Literal('answer'), id: Uuid, outcome: Outcome }),
      Type.Object({ kind: Type.Literal('cancel'), id: RequestId }),
      Type.Object({ kind: Type.Literal('roots_changed') }),
      Type.Object({ kind: Type.Literal('restart') }),
      Type.Object({ kind: Type.Literal('end') })
    ])
  }),
  reply: Type.Object({}),
  errors: [],
  toEveryReplica: true
})
