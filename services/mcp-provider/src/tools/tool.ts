import { ToolDecoration } from '@onbehalf/contracts'
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
  annotations: Type.Optional(Type.Unknown()),
  ...ToolDecoration.properties
}

export const ToolDefinition = Type.Object(definition)
export type ToolDefinition = Static<typeof ToolDefinition>

/** One entry of a server's list; `hash` tells whether it is still the same but for its icons and `execution`. */
export const Tool = Type.Object({ ...definition, hash: Type.String() })
export type Tool = Static<typeof Tool>

/** One entry of a catalogue, as administrators see it. */
export const KeptTool = Type.Object({
  ...definition,
  hash: Type.String(),
  /** False until an administrator lets it be called. */
  is_approved: Type.Boolean(),
  /** What was approved before the server changed it, to compare it with. */
  approved_definition: Type.Optional(ToolDefinition)
})
export type KeptTool = Static<typeof KeptTool>

/** A tool as somebody saw it. */
export const SeenTool = Type.Object({ name: Type.String(), hash: Type.String() }, { additionalProperties: false })
export type SeenTool = Static<typeof SeenTool>

/**
 * A tool of the server that cannot be offered, and why; one with a `member` is offered without that. Of many only the
 * first are named.
 */
export const LeftOut = Type.Object({
  name: Type.String(),
  member: Type.Optional(Type.String()),
  reason: Type.String()
})
export type LeftOut = Static<typeof LeftOut>

export type Catalogue = {
  tools: Tool[]
  left_out: LeftOut[]
  /** How many the server has, with those that are left out. */
  listed: number
}

/** How a listing went: a catalogue, or why there is none. */
export type Listing =
  | ({ tools_status: 'fresh'; tools_error: null } & Catalogue)
  | { tools_status: 'needs_identity' | 'unreachable'; tools_error: string }

export const ToolsError = orNull(Type.String())
