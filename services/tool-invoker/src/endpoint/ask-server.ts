import { toReported } from '@onbehalf/errors'
import { type Json, McpServerError } from '@onbehalf/mcp'
import type { Asked, EndpointTools, Method } from './asked.ts'
import { type Forwarded, forEra, forward, withMember } from './forward.ts'
import { serverPages, signInPage } from './refusal.ts'
import { rpcCodes } from './rpc.ts'

const ttlMs = 30_000

/** Asks the provider's server the same, as the same user, and answers with what it said. */
export const askServer: Method = async (tools, asked) => {
  try {
    const { result, text } = await ask(tools, asked)
    return cacheable(asked, result, text)
  } catch (thrown) {
    const { envelope } = asked
    const page = asksInput.has(asked.request.method) && (serverPages(thrown, envelope) ?? signInPage(thrown, envelope))
    if (page) return JSON.stringify(page)
    throw thrown
  }
}

// What may be answered with a request for input, besides a tool (2026-07-28, multi-round-trip requests).
const asksInput: ReadonlySet<string> = new Set(['prompts/get', 'resources/read'])

/** The same for a list; a server that has none of the kind has an empty one. */
export const askServerForList =
  (member: string): Method =>
  async (tools, asked) => {
    try {
      return await askServer(tools, asked)
    } catch (thrown) {
      const { cause } = toReported(thrown)
      if (!(cause instanceof McpServerError) || cause.code !== rpcCodes.methodNotFound) throw thrown
      return cacheable(
        asked,
        {},
        forEra(asked, { result: {}, resultText: JSON.stringify({ [member]: [] }), isPassed: false })
      )
    }
  }

/** Asks without reading anything into the answer. */
export const ask = async (tools: EndpointTools, asked: Asked): Promise<Forwarded> => {
  const { request, server_identifier = '' } = asked
  await asked.spend(server_identifier)
  const { method, params } = request
  const { _meta, inputResponses, requestState, ...own } = params
  const name = method === 'prompts/get' ? params.name : method === 'resources/read' ? params.uri : undefined
  return forward(tools, asked, server_identifier, (beside) => ({
    tool: method,
    arguments: own,
    request: {
      method,
      ...(typeof name === 'string' && { name }),
      params: { ...own, ...beside }
    }
  }))
}

// Another user may be told something else, whatever the server says of it.
const cacheable = ({ envelope, request }: Asked, result: Json, text: string): string => {
  const isCached = envelope.era === 'modern' && cached.has(request.method) && result.resultType !== 'input_required'
  return isCached && result.ttlMs === undefined ? withMember(`"ttlMs":${ttlMs},"cacheScope":"private"`, text) : text
}

const cached: ReadonlySet<string> = new Set([
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list'
])
