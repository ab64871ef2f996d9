import type { ListedTool } from '@onbehalf/contracts'
import type { Bus } from '@onbehalf/rpc'
import type { Page } from '@onbehalf/service-kit'
import type { CallContext } from '../calls/call-tool.ts'
import { listCallable, type ToolsAsked } from '../tools/list.ts'
import type { Asked } from './asked.ts'
import { joinName } from './names.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

const pageTools = 100
const ttlMs = 30_000

/** A page of the tools that may be called, as mcp-provider has them. */
export type ListTools = (asked: ToolsAsked, context: CallContext) => Promise<Page<ListedTool>>

const listMs = 10_000

export const listForEndpoint =
  (bus: Bus): ListTools =>
  (asked, { caller, traceparent }) =>
    listCallable(bus, caller.ticket, asked, { deadlineAt: Date.now() + listMs, traceparent })

/** One page of the tools that this caller may call: under their own names at one provider, joined to it at all of them. */
export const listNamed = async ({ list }: { list: ListTools }, asked: Asked): Promise<string> => {
  const { server_identifier, request, envelope, context } = asked
  const { cursor } = request.params
  if (cursor !== undefined && typeof cursor !== 'string') throw badCursor()
  await asked.spend(server_identifier ?? '')
  const { data, next_cursor } = await list(
    {
      limit: pageTools,
      ...(cursor !== undefined && { cursor }),
      ...(server_identifier !== undefined && { server_identifier })
    },
    context
  )
  const tools = data.map((tool) => describe(tool, server_identifier === undefined))
  const lasting = envelope.era === 'modern' ? { resultType: 'complete', ttlMs, cacheScope: 'private' } : {}
  return JSON.stringify({ tools, ...(next_cursor !== null && { nextCursor: next_cursor }), ...lasting })
}

const describe = (tool: ListedTool, isJoined: boolean) => {
  const { server_identifier, name, title, description, input_schema, output_schema, annotations } = tool
  const { icons, _meta, execution } = tool
  return {
    name: isJoined ? joinName(server_identifier, name) : name,
    ...(title !== undefined && { title }),
    description,
    inputSchema: input_schema,
    ...(output_schema !== undefined && { outputSchema: output_schema }),
    ...(annotations !== undefined && { annotations }),
    ...(icons !== undefined && { icons }),
    ...(_meta !== undefined && { _meta }),
    ...(execution !== undefined && { execution })
  }
}

const badCursor = () => new RpcFault(rpcCodes.invalidParams, 'params.cursor is not one that a list gave.')
