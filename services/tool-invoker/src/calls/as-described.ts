import { isHeaderMismatch } from '@onbehalf/mcp'
import type { CheckArguments } from '../arguments/check.ts'
import type { Tools } from '../tools/cache.ts'
import { callableTool } from '../tools/callable.ts'
import { mayBeRepeated } from './once-more.ts'
import type { Prepared } from './prepare.ts'
import type { CallRow } from './record.ts'
import type { Outbound } from './upstream.ts'

type Needs = { tools: Pick<Tools, 'findAnew'>; checkArguments: CheckArguments }
type Asked = {
  prepared: Pick<Prepared, 'acting' | 'tool' | 'provider'>
  arguments: Record<string, unknown>
  traceparent: string
  row: Pick<CallRow, 'tool_hash'>
}

/**
 * How a call is made once more where the server wants other headers (-32020) and describes the tool differently by now: it
 * has not looked at a request that it refuses so. Throws what was thrown where there is nothing to make it once more for.
 */
export const asDescribedAnew = async (
  { tools, checkArguments }: Needs,
  { prepared: { acting, tool, provider }, arguments: given, traceparent, row }: Asked,
  outbound: Outbound,
  thrown: unknown
): Promise<Outbound> => {
  if (!tool || !isHeaderMismatch(thrown)) throw thrown
  const { server_identifier } = provider
  const found = await tools.findAnew({ acting, server_identifier, tool: tool.name, traceparent }, tool.hash)
  const next = callableTool(found)
  if (!next || next.hash === tool.hash) throw thrown
  await checkArguments({ tenant_id: provider.tenant_id, tool: next }, given)
  row.tool_hash = next.hash
  const request = { ...outbound.request, inputSchema: next.input_schema }
  return { ...outbound, request, mayBeRepeated: mayBeRepeated(next) }
}
