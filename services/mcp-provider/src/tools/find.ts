import type { FoundTool, Principal } from '@onbehalf/contracts'
import type { TicketReader } from '@onbehalf/rpc'
import { noSuchProvider } from '../providers/problems.ts'
import { sightOf } from '../providers/sight.ts'
import type { ToolStore } from './store.ts'

type Asked = { principal: string; server_identifier: string; tool: string }

/** What the catalogue of a provider of the principal's tenant says of one tool. */
export const findTool = async (
  { tools, readPrincipal }: { tools: Pick<ToolStore, 'find'>; readPrincipal: TicketReader<Principal> },
  { principal: ticket, server_identifier, tool: name }: Asked
): Promise<FoundTool> => {
  const sight = sightOf(await readPrincipal(ticket))
  const found = await tools.find(sight, { server_identifier, name })
  if (!found) throw noSuchProvider()
  const { provider_id, is_listed, tool_changes, tool } = found
  return {
    ...{ provider_id, tenant_id: sight.tenant_id, is_listed },
    tool: tool && { ...tool.definition, hash: tool.hash },
    is_approved: tool ? tool.is_approved : tool_changes === 'accept'
  }
}
