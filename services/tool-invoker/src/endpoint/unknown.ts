import { ServerIdentifier } from '@onbehalf/contracts'
import { isJson } from '@onbehalf/mcp'
import { matches } from '@onbehalf/rpc'
import { recordUnknown } from '../calls/record-unknown.ts'
import { ToolName } from '../calls/schemas.ts'
import { type Asked, actsFor, type EndpointTools } from './asked.ts'
import type { RpcFault } from './rpc.ts'

/** What of a name can be put on record. */
type Named = { server_identifier?: string | undefined; tool?: string | undefined }

/**
 * Refuses what is asked of something that there cannot be, counted and on record like every other call. What no provider and
 * no tool can be called is recorded as none, and under the method.
 */
export const refuseUnknown = async (
  tools: EndpointTools,
  asked: Asked,
  { server_identifier: server, tool }: Named,
  fault: RpcFault
): Promise<never> => {
  const { method, params } = asked.request
  const server_identifier = matches(ServerIdentifier, server) ? server : ''
  await asked.spend(server_identifier)
  const named = {
    ...{ server_identifier, tool: matches(ToolName, tool) ? tool : method },
    arguments: isJson(params.arguments) ? params.arguments : {}
  }
  await recordUnknown(tools, { ...named, ...actsFor(asked) }, asked.context)
  throw fault
}
