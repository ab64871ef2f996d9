import { toReported } from '@onbehalf/errors'
import { isJson, type Json } from '@onbehalf/mcp'
import type { Asked, EndpointTools, Method } from './asked.ts'
import { atProvider, listAt } from './join-lists.ts'
import { joinName, joinUri, splitName, splitUri } from './names.ts'
import { pass } from './pass.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

/** A prompt by its joined name. */
export const getJoined: Method = async (tools, asked) => {
  const { params } = asked.request
  const { server_identifier, name } = await promptNamed(tools, asked, params.name)
  return passAt(tools, asked, { server_identifier, params: { ...params, name }, named: params.name })
}

/** A resource by its joined URI; what it holds is under joined URIs too. */
export const readJoined: Method = async (tools, asked) => {
  const { params } = asked.request
  const { server_identifier, uri } = resourceAt(params.uri)
  const text = await passAt(tools, asked, { server_identifier, params: { ...params, uri }, named: params.uri })
  const result = JSON.parse(text)
  if (!Array.isArray(result.contents)) return text
  const contents = result.contents.map((one: unknown) => (isJson(one) ? joinedUri(server_identifier, one) : one))
  return JSON.stringify({ ...result, contents })
}

const joinedUri = (server_identifier: string, { uri, ...rest }: Json): Json => ({
  uri: typeof uri === 'string' ? joinUri(server_identifier, uri) : uri,
  ...rest
})

/** Completes an argument of a prompt, or of a resource's template. */
export const completeJoined: Method = async (tools, asked) => {
  const { params } = asked.request
  const ref = isJson(params.ref) ? params.ref : {}
  const isPrompt = ref.type === 'ref/prompt'
  const named = isPrompt ? ref.name : ref.uri
  const { server_identifier, ...own } = isPrompt ? await promptNamed(tools, asked, named) : resourceAt(named)
  return passAt(tools, asked, { server_identifier, params: { ...params, ref: { ...ref, ...own } }, named })
}

type Passed = { server_identifier: string; params: Json; named: unknown }

/** A provider that is none is a name that is none. */
const passAt = async (tools: EndpointTools, asked: Asked, { server_identifier, params, named }: Passed) => {
  try {
    return await pass(tools, atProvider(asked, server_identifier, params))
  } catch (thrown) {
    throw toReported(thrown).code === 'not_found' ? unknown(named) : thrown
  }
}

const promptNamed = async (tools: EndpointTools, asked: Asked, named: unknown) => {
  const split = typeof named === 'string' ? splitName(named) : undefined
  if (!split) throw unknown(named)
  const { server_identifier, tool: name, isHashed } = split
  if (!isHashed) return { server_identifier, name }
  const listing = { ...asked, request: { ...asked.request, method: 'prompts/list' } }
  const prompts = await listAt(tools, listing, server_identifier, 'prompts')
  const names = prompts.map((prompt) => String(prompt.name))
  return { server_identifier, name: names.find((one) => joinName(server_identifier, one) === named) ?? name }
}

const resourceAt = (named: unknown) => {
  const split = typeof named === 'string' ? splitUri(named) : undefined
  if (split) return split
  throw unknown(named)
}

const unknown = (named: unknown) =>
  new RpcFault(rpcCodes.invalidParams, 'There is no such prompt or resource.', {
    data: { named: String(named).slice(0, 256) }
  })
