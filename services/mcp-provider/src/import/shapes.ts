import { Uuid } from '@onbehalf/contracts'
import { type Static, Type } from '@sinclair/typebox'
import { ToolsError, ToolsStatus } from '../tools/tool.ts'

export const entriesMax = 50

// Each client writes words of its own into an entry; what is not known here is left to it.
const Entry = Type.Object({
  url: Type.Optional(Type.String({ maxLength: 2048 })),
  /** The same, as some clients call it. */
  serverUrl: Type.Optional(Type.String({ maxLength: 2048 })),
  headers: Type.Optional(
    Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } })
  ),
  command: Type.Optional(Type.String({ maxLength: 2048 })),
  disabled: Type.Optional(Type.Boolean()),
  /** The opposite, as some clients call it. */
  enabled: Type.Optional(Type.Boolean())
})
export type Entry = Static<typeof Entry>

/** The file that MCP clients share: what a server is called there, and how it is reached. */
export const ImportFile = Type.Object(
  {
    mcpServers: Type.Unsafe<Record<string, Entry>>({
      type: 'object',
      additionalProperties: Entry,
      minProperties: 1,
      maxProperties: entriesMax
    })
  },
  { additionalProperties: false }
)
export type ImportFile = Static<typeof ImportFile>

const Imported = Type.Object({
  /** Its key in the file. */
  entry: Type.String(),
  id: Uuid,
  name: Type.String(),
  server_identifier: Type.String(),
  tools_status: ToolsStatus,
  tools_error: ToolsError
})
const Skipped = Type.Object({ entry: Type.String(), reason: Type.String() })
export const ImportReport = Type.Object({
  data: Type.Array(Imported),
  /** Entries that the file itself says are not to be used. */
  skipped: Type.Array(Skipped)
})
export type ImportReport = Static<typeof ImportReport>
