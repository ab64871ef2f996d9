import { toReported } from '@onbehalf/errors'
import { isJson, type McpEvent } from '@onbehalf/mcp'
import { callTool } from '../calls/call-tool.ts'
import type { ListTools } from './list.ts'
import type { Asked, EndpointTools } from './methods.ts'
import { joinName, splitName } from './names.ts'
import { refusedCall } from './refusal.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

/** Calls a tool, and answers with its result as its server said it. */
export const callNamed = async (tools: EndpointTools, asked: Asked): Promise<string> => {
  const { request, envelope, context } = asked
  const { name, arguments: given = {}, inputResponses, requestState } = request.params
  if (typeof name !== 'string' || name === '') throw bad('name', 'is the name of a tool')
  if (!isJson(given)) throw bad('arguments', 'is an object')
  const { server_identifier, tool } = await whereIs(tools, asked, name)
  await asked.spend(server_identifier)
  const beside = {
    ...(Object.keys(envelope.meta).length > 0 && { _meta: envelope.meta }),
    ...(inputResponses !== undefined && { inputResponses }),
    ...(requestState !== undefined && { requestState })
  }
  const call = {
    server_identifier,
    tool,
    arguments: given,
    beside,
    capabilities: envelope.capabilities,
    ...actsFor(asked)
  }
  try {
    const { result, resultText } = await callTool(tools, call, { ...context, ...hearing(asked) })
    return forEra(asked, result, resultText)
  } catch (thrown) {
    if (toReported(thrown).code === 'not_found') throw unknownTool(name)
    return JSON.stringify(refusedCall(thrown, envelope))
  }
}

/** Whom an app acts for, where it says so. */
export const actsFor = ({ user_id }: Asked) => (user_id === undefined ? {} : { user_id })

/** Asks the server to tell how it goes only where its client wants to hear it. */
export const hearing = ({ envelope: { progressToken, wantsLog }, tell }: Asked) =>
  progressToken === undefined && !wantsLog
    ? {}
    : {
        onEvent: ({ method, params }: McpEvent) => {
          if (method === 'notifications/message' && wantsLog) tell({ jsonrpc: '2.0', method, params })
          else if (method === 'notifications/progress' && progressToken !== undefined)
            tell({ jsonrpc: '2.0', method, params: { ...params, progressToken } })
        }
      }

/** A server of another era than the client's: what the one must say and the other does not know. */
export const forEra = ({ envelope: { era } }: Asked, result: Record<string, unknown>, text: string): string => {
  if (era === 'modern' && result.resultType === undefined) return withMember('"resultType":"complete"', text)
  if (era === 'legacy' && result.resultType === 'input_required')
    throw new RpcFault(rpcCodes.serverError, 'The server asks for input, which needs a client of MCP 2026-07-28.')
  return text
}

/** The text of a JSON object with a member more in front. */
export const withMember = (member: string, text: string): string => {
  const rest = text.trimStart().slice(1).trimStart()
  return `{${member}${rest.startsWith('}') ? '' : ','}${rest}`
}

type Place = { server_identifier: string; tool: string }

const whereIs = async (tools: { list: ListTools }, asked: Asked, name: string): Promise<Place> => {
  const { server_identifier } = asked
  if (server_identifier !== undefined) return { server_identifier, tool: name }
  const split = splitName(name)
  if (!split) throw unknownTool(name)
  return split.isHashed ? ((await findByHash(tools, asked, split.server_identifier, name)) ?? split) : split
}

const findByHash = async (
  { list }: { list: ListTools },
  { context }: Asked,
  server_identifier: string,
  name: string
) => {
  let cursor: string | null = null
  do {
    const page = await list({ limit: 100, server_identifier, ...(cursor !== null && { cursor }) }, context)
    const found = page.data.find((tool) => joinName(server_identifier, tool.name) === name)
    if (found) return { server_identifier, tool: found.name }
    cursor = page.next_cursor
  } while (cursor !== null)
  return undefined
}

const bad = (member: string, what: string) => new RpcFault(rpcCodes.invalidParams, `params.${member} ${what}.`)
const unknownTool = (name: string) => new RpcFault(rpcCodes.invalidParams, `Unknown tool: ${name.slice(0, 128)}`)
