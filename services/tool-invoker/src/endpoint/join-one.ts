import { ServerIdentifier } from '@onbehalf/contracts'
import { toReported } from '@onbehalf/errors'
import { isJson, type Json } from '@onbehalf/mcp'
import { matches } from '@onbehalf/rpc'
import { askServer } from './ask-server.ts'
import type { Asked, EndpointTools, Method } from './asked.ts'
import { joinContents, joinPrompt } from './join-content.ts'
import { atProvider, type ListPage, pageAt } from './join-lists.ts'
import { beginningAt, type Place } from './list-places.ts'
import { joinName, splitName, splitUri } from './names.ts'
import { RpcFault, rpcCodes } from './rpc.ts'
import { refuseUnknown } from './unknown.ts'

/** A prompt by its joined name. */
export const getJoined: Method = async (tools, asked) => {
  const { params } = asked.request
  const prompt = await promptNamed(tools, asked, params.name)
  if (!prompt) return refuseUnknown(tools, asked, {}, unknown(params.name))
  const { server_identifier, name } = prompt
  const text = await passAt(tools, asked, { server_identifier, params: { ...params, name }, named: params.name })
  return joinPrompt(server_identifier, text)
}

/** A resource by its joined URI; what it holds is under joined URIs too. */
export const readJoined: Method = async (tools, asked) => {
  const { params } = asked.request
  const resource = resourceAt(params.uri)
  if (!resource) return refuseUnknown(tools, asked, {}, unknown(params.uri))
  const { server_identifier, uri } = resource
  const text = await passAt(tools, asked, { server_identifier, params: { ...params, uri }, named: params.uri })
  return joinContents(server_identifier, text)
}

/** Completes an argument of a prompt, or of a resource's template. */
export const completeJoined: Method = async (tools, asked) => {
  const { params } = asked.request
  const ref = isJson(params.ref) ? params.ref : {}
  const isPrompt = ref.type === 'ref/prompt'
  const named = isPrompt ? ref.name : ref.uri
  const found = isPrompt ? await promptNamed(tools, asked, named) : resourceAt(named)
  if (!found) return refuseUnknown(tools, asked, {}, unknown(named))
  const { server_identifier, ...own } = found
  return passAt(tools, asked, { server_identifier, params: { ...params, ref: { ...ref, ...own } }, named })
}

type Passed = { server_identifier: string; params: Json; named: unknown }

/** A provider that is none is a name that is none. */
const passAt = async (tools: EndpointTools, asked: Asked, { server_identifier, params, named }: Passed) => {
  try {
    return await askServer(tools, atProvider(asked, server_identifier, params))
  } catch (thrown) {
    throw toReported(thrown).code === 'not_found' ? unknown(named) : thrown
  }
}

const promptNamed = async (tools: EndpointTools, asked: Asked, named: unknown) => {
  const split = typeof named === 'string' ? splitName(named) : undefined
  if (!split || !matches(ServerIdentifier, split.server_identifier)) return undefined
  const { server_identifier, tool: name, isHashed } = split
  if (!isHashed) return { server_identifier, name }
  const listing = { ...asked, request: { ...asked.request, method: 'prompts/list' } }
  const isNamed = (own: string) => joinName(server_identifier, own) === named
  return { server_identifier, name: (await findPrompt(tools, listing, server_identifier, isNamed)) ?? name }
}

const findPrompt = async (
  tools: EndpointTools,
  asked: Asked,
  server_identifier: string,
  isNamed: (own: string) => boolean
): Promise<string | undefined> => {
  let at: Place | undefined = beginningAt(server_identifier)
  while (at) {
    const { items, next }: ListPage = await pageAt(tools, asked, 'prompts', at)
    for (const item of items.slice(0, soughtMax))
      if (isJson(item) && typeof item.name === 'string' && isNamed(item.name)) return item.name
    at = next
  }
  return undefined
}

/** Of one page: to hash so many names takes some ten milliseconds. */
const soughtMax = 5_000

const resourceAt = (named: unknown) => {
  const split = typeof named === 'string' ? splitUri(named) : undefined
  return split && matches(ServerIdentifier, split.server_identifier) ? split : undefined
}

const unknown = (named: unknown) =>
  new RpcFault(rpcCodes.invalidParams, 'There is no such prompt or resource.', {
    data: { named: String(named).slice(0, 256) }
  })
