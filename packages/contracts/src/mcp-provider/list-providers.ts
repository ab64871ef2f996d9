import { defineCall } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { Ticket } from '../shared/principal.ts'
import { ServerIdentifier } from '../shared/vocabulary.ts'

/** The providers that the principal may use, by their identifiers; `next_cursor` says whether more follow. */
export const listProviders = defineCall({
  subject: 'mcp-provider.provider.list.v1',
  callers: ['tool-invoker'],
  request: Type.Object({
    principal: Ticket,
    /** The identifier that the page before ended with. */
    cursor: Type.Optional(Type.String({ maxLength: 100 })),
    limit: Type.Integer({ minimum: 1, maximum: 200 })
  }),
  reply: Type.Object({
    data: Type.Array(Type.Object({ server_identifier: ServerIdentifier })),
    next_cursor: Type.Union([Type.String(), Type.Null()])
  }),
  errors: ['policy_denied']
})
