import { defineCall } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Ticket } from '../shared/principal.ts'
import { ServerIdentifier, Uuid } from '../shared/vocabulary.ts'
import { CatalogueTool } from './list-tools.ts'

/** What the catalogue of a provider says of one name. */
export const FoundTool = Type.Object({
  provider_id: Uuid,
  tenant_id: Uuid,
  /** Null where the catalogue has no such tool. */
  tool: Type.Union([CatalogueTool, Type.Null()]),
  /** False where the server has never been listed, so that nobody knows what it has. */
  is_listed: Type.Boolean(),
  /** Whether an administrator has let it be called; of a name that is in no catalogue, whether it may be tried. */
  is_approved: Type.Boolean()
})
export type FoundTool = Static<typeof FoundTool>

/** One tool of a provider of the principal's tenant, asked before anything is minted for a call of it. */
export const findTool = defineCall({
  subject: 'mcp-provider.tool.find.v1',
  callers: ['tool-invoker'],
  request: Type.Object({
    principal: Ticket,
    server_identifier: ServerIdentifier,
    tool: Type.String({ minLength: 1, maxLength: 256 }),
    /** The server does not know the tool with this hash any more: it is listed anew first, where that is what is kept. */
    outdated_hash: Type.Optional(Type.String({ maxLength: 100 }))
  }),
  reply: FoundTool,
  errors: ['not_found', 'policy_denied']
})
