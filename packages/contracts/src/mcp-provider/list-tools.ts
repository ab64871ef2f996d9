import { defineCall } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { Ticket } from '../shared/principal.ts'
import { ServerIdentifier, Uuid } from '../shared/vocabulary.ts'

const tool = {
  name: Type.String(),
  title: Type.Optional(Type.String()),
  description: Type.String(),
  // Any JSON Schema is passed on as the server wrote it.
  input_schema: Type.Unknown(),
  output_schema: Type.Optional(Type.Unknown()),
  annotations: Type.Optional(Type.Unknown()),
  /** Over all of the above and `_meta`: another hash is another tool. */
  hash: Type.String()
}

/** What a server says of a tool beside what it is. */
export const ToolDecoration = Type.Object({
  icons: Type.Optional(Type.Array(Type.Unknown(), { description: 'Pictures with https: and data:image/ addresses.' })),
  _meta: Type.Optional(Type.Unknown()),
  /** Of 2025-11-25. */
  execution: Type.Optional(Type.Unknown())
})
export type ToolDecoration = Static<typeof ToolDecoration>

/** One entry of a provider's catalogue, as a call needs it. */
export const CatalogueTool = Type.Object(tool)
export type CatalogueTool = Static<typeof CatalogueTool>

/** A tool that may be called, and whose it is. */
export const ListedTool = Type.Object({
  provider_id: Uuid,
  server_identifier: ServerIdentifier,
  ...tool,
  ...ToolDecoration.properties
})
export type ListedTool = Static<typeof ListedTool>

/** One page of `tool.list` holds so many tools at most, or fewer where they are large. */
export const toolsPerPageMax = 100

/**
 * The tools that the principal may call, by provider and name. A page is shorter than `limit` where it would be over
 * 512 KB; only `next_cursor` says whether another one follows.
 */
export const listTools = defineCall({
  subject: 'mcp-provider.tool.list.v1',
  callers: ['tool-invoker'],
  request: Type.Object({
    principal: Ticket,
    /** Of these providers only; an identifier that names none is no error. */
    server_identifiers: Type.Optional(Type.Array(ServerIdentifier, { maxItems: 100 })),
    /** Words that name, title or description hold, whatever their case. */
    search: Type.Optional(Type.String({ maxLength: 200 })),
    cursor: Type.Optional(Type.String({ maxLength: 1_000 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: toolsPerPageMax }))
  }),
  reply: Type.Object({ data: Type.Array(ListedTool), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
  errors: ['policy_denied']
})
