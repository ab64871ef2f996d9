import { toReported } from '@onbehalf/errors'
import { isJson, type Json } from '@onbehalf/mcp'
import { actingOf } from '../calls/acting.ts'
import { askServerForList } from './ask-server.ts'
import { type Asked, actsFor, type EndpointTools, type Method } from './asked.ts'
import { joinName, joinUri } from './names.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

const providersPerPage = 10
const pagesMax = 10
const ttlMs = 30_000

/** The same request at one provider's own endpoint. */
export const atProvider = (asked: Asked, server_identifier: string, params: Json): Asked => ({
  ...asked,
  server_identifier,
  request: { ...asked.request, params }
})

type Join = (server_identifier: string, item: Json) => Json

/** The list of each provider that the caller may use, under joined names. Who cannot be asked has nothing in it. */
export const joinLists =
  (member: string, join: Join): Method =>
  async (tools, asked) => {
    const { data, next_cursor } = await providersFor(tools, asked)
    const lists = data.map(async ({ server_identifier }) => {
      const items = await listAt(tools, asked, server_identifier, member)
      return items.map((item) => join(server_identifier, item))
    })
    const lasting = asked.envelope.era === 'modern' ? { resultType: 'complete', ttlMs, cacheScope: 'private' } : {}
    const joined = { [member]: (await Promise.all(lists)).flat(), ...lasting }
    return JSON.stringify({ ...joined, ...(next_cursor !== null && { nextCursor: next_cursor }) })
  }

const providersFor = async (tools: EndpointTools, asked: Asked) => {
  const { cursor } = asked.request.params
  if (cursor !== undefined && (typeof cursor !== 'string' || cursor.length > 100)) throw badCursor()
  const { caller, traceparent } = asked.context
  const acting = await actingOf(tools, caller, actsFor(asked))
  const page = { limit: providersPerPage, ...(cursor !== undefined && { cursor }) }
  return tools.listProviders(await acting.ticket(), page, { traceparent })
}

/** What one provider's server lists, page after page. */
export const listAt = async (
  tools: EndpointTools,
  asked: Asked,
  server_identifier: string,
  member: string
): Promise<Json[]> => {
  const items: Json[] = []
  const { _meta } = asked.request.params
  let cursor: unknown
  try {
    for (let page = 1; page <= pagesMax; page += 1) {
      const params = { _meta, ...(cursor !== undefined && { cursor }) }
      const result = JSON.parse(await askServerForList(member)(tools, atProvider(asked, server_identifier, params)))
      for (const item of Array.isArray(result[member]) ? result[member] : []) if (isJson(item)) items.push(item)
      cursor = result.nextCursor
      if (typeof cursor !== 'string') break
    }
  } catch (thrown) {
    // One that fails, or that the user is not signed in for, keeps nobody from the others.
    if (toReported(thrown).code === 'cancelled' || toReported(thrown).code === 'too_many_requests') throw thrown
  }
  return items
}

export const ofPrompt: Join = (server_identifier, prompt) => ({
  ...prompt,
  name: joinName(server_identifier, String(prompt.name))
})

export const ofResource =
  (member: 'uri' | 'uriTemplate'): Join =>
  (server_identifier, resource) => ({ ...resource, [member]: joinUri(server_identifier, String(resource[member])) })

const badCursor = () => new RpcFault(rpcCodes.invalidParams, 'params.cursor is not one that a list gave.')
