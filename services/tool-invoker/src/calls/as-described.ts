import { type CalledTool, isHeaderMismatch } from '@onbehalf/mcp'
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
 * Makes a call; and once more where the server wants other headers (-32020) and describes the tool differently by now.
 * It has not looked at a request that it refuses so.
 */
export const callAsDescribed = (
  { tools, checkArguments }: Needs,
  { prepared: { acting, tool, provider }, arguments: given, traceparent, row }: Asked,
  outbound: Outbound,
  make: (outbound: Outbound) => Promise<CalledTool>
): Promise<CalledTool> =>
  make(outbound).catch(async (thrown: unknown) => {
    if (!tool || !isHeaderMismatch(thrown)) throw thrown
    const { server_identifier } = provider
    const found = await tools.findAnew({ acting, server_identifier, tool: tool.name, traceparent }, tool.hash)
    const next = callableTool(found)
    if (!next || next.hash === tool.hash) throw thrown
    await checkArguments(next, given)
    row.tool_hash = next.hash
    const request = { ...outbound.request, inputSchema: next.input_schema }
    return make({ ...outbound, request, mayBeRepeated: mayBeRepeated(next) })
  })
