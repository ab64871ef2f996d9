import { toReported } from '@onbehalf/errors'
import { isJson, McpServerError } from '@onbehalf/mcp'
import { callTool } from '../calls/call-tool.ts'
import { actsFor, forEra, hearing, withMember } from './call.ts'
import type { Asked, EndpointTools } from './methods.ts'
import { signInPage } from './refusal.ts'
import { rpcCodes } from './rpc.ts'

const ttlMs = 30_000

/** Asks the provider's server the same, as the same user, and answers with what it said. */
export const pass = async (tools: EndpointTools, asked: Asked): Promise<string> => {
  try {
    const { result, resultText } = await ask(tools, asked)
    return forEra(asked, result, cacheable(asked, result, resultText))
  } catch (thrown) {
    const page = asksInput.has(asked.request.method) && signInPage(thrown, asked.envelope)
    if (page) return JSON.stringify(page)
    throw thrown
  }
}

// What may be answered with a request for input, besides a tool (2026-07-28, multi-round-trip requests).
const asksInput: ReadonlySet<string> = new Set(['prompts/get', 'resources/read'])

/** The same for a list; a server that has none of the kind has an empty one. */
export const passList =
  (member: string) =>
  async (tools: EndpointTools, asked: Asked): Promise<string> => {
    try {
      return await pass(tools, asked)
    } catch (thrown) {
      const { cause } = toReported(thrown)
      if (!(cause instanceof McpServerError) || cause.code !== rpcCodes.methodNotFound) throw thrown
      return forEra(asked, {}, cacheable(asked, {}, JSON.stringify({ [member]: [] })))
    }
  }

const ask = async (tools: EndpointTools, asked: Asked) => {
  const { request, envelope, context, server_identifier = '' } = asked
  await asked.spend(server_identifier)
  const { method, params } = request
  const { _meta: _, ...own } = params
  const name = method === 'prompts/get' ? params.name : method === 'resources/read' ? params.uri : undefined
  const upstream = {
    method,
    ...(typeof name === 'string' && { name }),
    params: { ...own, ...(Object.keys(envelope.meta).length > 0 && { _meta: envelope.meta }) },
    capabilities: envelope.capabilities
  }
  const call = { server_identifier, tool: method, arguments: own, request: upstream, ...actsFor(asked) }
  return callTool(tools, call, { ...context, ...hearing(asked) })
}

// Another user may be told something else, whatever the server says of it.
const cacheable = ({ envelope, request }: Asked, result: Record<string, unknown>, text: string): string => {
  const isCached = envelope.era === 'modern' && cached.has(request.method) && result.resultType !== 'input_required'
  if (!isCached || isJson(result.ttlMs)) return text
  return result.ttlMs === undefined ? withMember(`"ttlMs":${ttlMs},"cacheScope":"private"`, text) : text
}

const cached: ReadonlySet<string> = new Set([
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list'
])
