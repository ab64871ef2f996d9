import { orNull, wordOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'

/** fresh: as last listed · stale: not listed since a change · needs_identity: it wants to know who asks · unreachable. */
export const ToolsStatus = wordOf('fresh', 'stale', 'needs_identity', 'unreachable')
export type ToolsStatus = Static<typeof ToolsStatus>

const definition = {
  name: Type.String(),
  title: Type.Optional(Type.String()),
  description: Type.String(),
  // Any JSON Schema is passed on as the server wrote it.
  input_schema: Type.Unknown(),
  output_schema: Type.Optional(Type.Unknown()),
  annotations: Type.Optional(Type.Unknown())
}

export const ToolDefinition = Type.Object(definition)
export type ToolDefinition = Static<typeof ToolDefinition>

/** One entry of a catalogue; `hash` tells whether it is still the same. */
export const Tool = Type.Object({ ...definition, hash: Type.String() })
export type Tool = Static<typeof Tool>

/** How a listing went: a catalogue, or why there is none. */
export type Listing =
  | { tools_status: 'fresh'; tools_error: null; tools: Tool[] }
  | { tools_status: 'needs_identity' | 'unreachable'; tools_error: string }

export const ToolsError = orNull(Type.String())
