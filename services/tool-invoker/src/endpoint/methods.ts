import { type Json, legacyVersions } from '@onbehalf/mcp'
import { actingOf } from '../calls/acting.ts'
import type { CallContext, CallToolTools } from '../calls/call-tool.ts'
import type { CallLimits } from '../limits/call-limits.ts'
import type { Tell } from './answer-stream.ts'
import { actsFor, callNamed } from './call.ts'
import { type Envelope, supportedVersions } from './envelope.ts'
import { type ListTools, listNamed } from './list.ts'
import { pass, passList } from './pass.ts'
import { RpcFault, type RpcRequest, rpcCodes } from './rpc.ts'

/** One request of a client, and all that answering it needs. */
export type Asked = {
  request: RpcRequest
  envelope: Envelope
  /** The provider whose own endpoint this is; undefined at the one of all. */
  server_identifier: string | undefined
  /** Whom an app acts for. */
  user_id: string | undefined
  context: CallContext
  /** Counts a request to a provider; throws `too_many_requests`. */
  spend: (serverIdentifier: string) => Promise<void>
  tell: Tell
}
export type EndpointTools = CallToolTools & { list: ListTools; limits: CallLimits }

/** Answers with the text of a result. */
type Method = (tools: EndpointTools, asked: Asked) => Promise<string>

const both: Record<string, Method> = { 'tools/list': listNamed, 'tools/call': callNamed }
const ofOne: Record<string, Method> = {
  'resources/list': passList('resources'),
  'resources/templates/list': passList('resourceTemplates'),
  'resources/read': pass,
  'prompts/list': passList('prompts'),
  'prompts/get': pass,
  'completion/complete': pass
}
const modern: Record<string, Method> = { 'server/discover': async (_, asked) => JSON.stringify(discovered(asked)) }
const legacy: Record<string, Method> = {
  initialize: async (_, asked) => JSON.stringify(initialized(asked)),
  ping: async () => '{}'
}

/** The text of the result. Throws `RpcFault` -32601 for what the revision, or this endpoint, does not have. */
export const answerTo = async (tools: EndpointTools, asked: Asked): Promise<string> => {
  const { request, envelope, server_identifier } = asked
  const own = envelope.era === 'modern' ? modern : legacy
  const methods = { ...both, ...own, ...(server_identifier !== undefined && ofOne) }
  const method = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
  if (!method)
    throw new RpcFault(rpcCodes.methodNotFound, 'Method not found', { status: envelope.era === 'modern' ? 404 : 200 })
  if (server_identifier !== undefined) await requireProvider(tools, asked, server_identifier)
  return method(tools, asked)
}

/** Throws `not_found` where the tenant has no such provider, or this caller may not use it. */
const requireProvider = async (tools: EndpointTools, asked: Asked, server_identifier: string): Promise<void> => {
  const { caller, traceparent } = asked.context
  const acting = await actingOf(tools, caller, actsFor(asked))
  await tools.providers.find({ acting, server_identifier, traceparent })
}

const serverInfo = { name: 'onbehalf', title: 'Onbehalf', version: '0.1.0' }
const instructions =
  'Every call is made as the signed-in user. Where a sign-in is missing, the answer holds the link to it: give it to the user.'
const foreverMs = 86_400_000

// What a server behind us lacks is an empty list, so that nobody has to be asked here.
const capabilitiesOf = ({ server_identifier }: Asked): Json =>
  server_identifier === undefined ? { tools: {} } : { tools: {}, resources: {}, prompts: {}, completions: {} }

const discovered = (asked: Asked) => ({
  resultType: 'complete',
  supportedVersions,
  capabilities: capabilitiesOf(asked),
  instructions,
  ttlMs: foreverMs,
  cacheScope: 'public',
  _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo }
})

/** Without a session: each request stands for itself, and any replica answers the next one. */
const initialized = (asked: Asked) => {
  const wanted = String(asked.request.params.protocolVersion)
  const protocolVersion = legacyVersions.includes(wanted) ? wanted : legacyVersions[0]
  return { protocolVersion, capabilities: capabilitiesOf(asked), serverInfo, instructions }
}
