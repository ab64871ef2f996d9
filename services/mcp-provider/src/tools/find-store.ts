import type { Prepared, RunPrepared } from '@onbehalf/service-kit'
import type { Sight } from '../providers/sight.ts'
import type { ToolDefinition } from './tool.ts'

export type FindTools = ReturnType<typeof findTools>

type Row = { provider_id: string; tools_listed_at: Date | null; tool_changes: 'accept' | 'review' } & (
  | { definition: ToolDefinition; hash: string; is_approved: boolean }
  | { definition: null; hash: null; is_approved: null }
)

// Asked for every call whose tool nobody holds: to plan it takes longer than to run it.
const statement: Prepared = {
  name: 'find-tool',
  text: `
    select provider.id as provider_id, tools_listed_at, tool_changes, definition, hash, is_approved
    from provider left join tool on tool.provider_id = provider.id and tool.name = $3
    where tenant_id = $1 and server_identifier = $2 and (external or not $4)`
}

/** One tool at a time. */
export const findTools = (runPrepared: RunPrepared) => ({
  /** One tool by name, with what is known of its provider; undefined where they may use no such provider. */
  find: async (
    { tenant_id, isExternal }: Sight,
    { server_identifier, name }: { server_identifier: string; name: string }
  ) => {
    const [row] = await runPrepared<Row>(statement, [tenant_id, server_identifier, name, isExternal])
    if (!row) return undefined
    const { provider_id, tools_listed_at, tool_changes, definition, hash, is_approved } = row
    const tool = definition && { definition, hash, is_approved }
    return { provider_id, is_listed: tools_listed_at !== null, tool_changes, tool }
  }
})
