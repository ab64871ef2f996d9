import type { FoundTool, Principal } from '@onbehalf/contracts'
import type { TicketReader } from '@onbehalf/rpc'
import { noSuchProvider } from '../providers/problems.ts'
import { sightOf } from '../providers/sight.ts'
import type { FindTools } from './find-store.ts'
import type { Relist } from './relist.ts'
import type { ToolDefinition } from './tool.ts'

type Asked = { principal: string; server_identifier: string; tool: string; outdated_hash?: string }

type Tools = { tools: FindTools; readPrincipal: TicketReader<Principal>; relist: Relist }

/** What the catalogue of a provider of the principal's tenant says of one tool. */
export const findTool = async (
  { tools, readPrincipal, relist }: Tools,
  { principal: ticket, server_identifier, tool: name, outdated_hash }: Asked
): Promise<FoundTool> => {
  const sight = sightOf(await readPrincipal(ticket))
  const look = () => tools.find(sight, { server_identifier, name })
  let found = await look()
  if (found && outdated_hash !== undefined && found.tool?.hash === outdated_hash) {
    await relist(sight.tenant_id, found.provider_id)
    found = await look()
  }
  if (!found) throw noSuchProvider()
  const { provider_id, is_listed, tool_changes, tool } = found
  return {
    ...{ provider_id, tenant_id: sight.tenant_id, is_listed },
    tool: tool && { ...withoutDecoration(tool.definition), hash: tool.hash },
    is_approved: tool ? tool.is_approved : tool_changes === 'accept'
  }
}

/** A call has no use for it, and would hold it. */
const withoutDecoration = ({ icons, _meta, execution, ...definition }: ToolDefinition) => definition
