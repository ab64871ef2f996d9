import { actingOf } from '../calls/acting.ts'
import { type Asked, actsFor, type EndpointTools, type Method } from './asked.ts'
import { callNamed } from './call.ts'
import { discover, initialize, ping } from './greet.ts'
import { listNamed } from './list.ts'
import { pass, passList } from './pass.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

type Methods = Readonly<Record<string, Method>>

/** What we answer ourselves: of one provider, to whoever may use it. */
const ownAnswers: Record<'modern' | 'legacy', Methods> = {
  modern: { 'server/discover': discover, 'tools/list': listNamed },
  legacy: { initialize, ping, 'tools/list': listNamed }
}

/** What a server answers: asked as the caller, counted and on record. */
const calls: Methods = { 'tools/call': callNamed }
const callsOfOne: Methods = {
  'resources/list': passList('resources'),
  'resources/templates/list': passList('resourceTemplates'),
  'resources/read': pass,
  'prompts/list': passList('prompts'),
  'prompts/get': pass,
  'completion/complete': pass
}

/** The text of the result. Throws `RpcFault` -32601 for what the revision, or this endpoint, does not have. */
export const answerTo: Method = async (tools, asked) => {
  const { request, envelope, server_identifier } = asked
  const call = methodIn({ ...calls, ...(server_identifier !== undefined && callsOfOne) }, request.method)
  if (call) return call(tools, asked)
  const answer = methodIn(ownAnswers[envelope.era], request.method)
  if (!answer)
    throw new RpcFault(rpcCodes.methodNotFound, 'Method not found', { status: envelope.era === 'modern' ? 404 : 200 })
  if (server_identifier !== undefined) await requireProvider(tools, asked, server_identifier)
  return answer(tools, asked)
}

const methodIn = (methods: Methods, name: string): Method | undefined =>
  Object.hasOwn(methods, name) ? methods[name] : undefined

/** Throws `not_found` where the tenant has no such provider, or this caller may not use it. */
const requireProvider = async (tools: EndpointTools, asked: Asked, server_identifier: string): Promise<void> => {
  const { caller, traceparent } = asked.context
  const acting = await actingOf(tools, caller, actsFor(asked))
  await tools.providers.find({ acting, server_identifier, traceparent })
}
