import { subscribe as listen } from '../listening/subscribe.ts'
import { requireProvider } from '../providers/require.ts'
import { setLevel, subscribe, unsubscribe } from '../sessions/methods.ts'
import { askServer, askServerForList } from './ask-server.ts'
import type { Method } from './asked.ts'
import { callNamed } from './call.ts'
import { discover, initialize, ping } from './greet.ts'
import { joinLists } from './join-lists.ts'
import { completeJoined, getJoined, readJoined } from './join-one.ts'
import { listNamed } from './list.ts'
import { joinName, joinUri } from './names.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

type Methods = Readonly<Record<string, Method>>

/** What we answer ourselves: of one provider, to whoever may use it. */
const ownAnswers: Record<'modern' | 'legacy', Methods> = {
  modern: { 'server/discover': discover, 'tools/list': listNamed, 'subscriptions/listen': listen },
  legacy: { initialize, ping, 'tools/list': listNamed, 'logging/setLevel': setLevel }
}

/** What a server answers: asked as the caller, counted and on record. */
const calls: Methods = { 'tools/call': callNamed }
const callsOfOne: Methods = {
  'resources/list': askServerForList('resources'),
  'resources/templates/list': askServerForList('resourceTemplates'),
  'resources/read': askServer,
  'prompts/list': askServerForList('prompts'),
  'prompts/get': askServer,
  'completion/complete': askServer
}
/** The same of all providers, under joined names. */
const callsOfAll: Methods = {
  'resources/list': joinLists({ member: 'resources', key: 'uri', join: joinUri }),
  'resources/templates/list': joinLists({ member: 'resourceTemplates', key: 'uriTemplate', join: joinUri }),
  'resources/read': readJoined,
  'prompts/list': joinLists({ member: 'prompts', key: 'name', join: joinName }),
  'prompts/get': getJoined,
  'completion/complete': completeJoined
}
const legacyCalls: Methods = { 'resources/subscribe': subscribe, 'resources/unsubscribe': unsubscribe }

/** The text of the result. Throws `RpcFault` -32601 for what the revision, or this endpoint, does not have. */
export const answerTo: Method = async (tools, asked) => {
  const { request, envelope, server_identifier, user_id } = asked
  const offered = server_identifier === undefined ? callsOfAll : callsOfOne
  const call = methodIn({ ...calls, ...offered, ...(envelope.era === 'legacy' && legacyCalls) }, request.method)
  if (call) return call(tools, asked)
  const answer = methodIn(ownAnswers[envelope.era], request.method)
  if (!answer)
    throw new RpcFault(rpcCodes.methodNotFound, 'Method not found', { status: envelope.era === 'modern' ? 404 : 200 })
  const { caller, traceparent } = asked.context
  await requireProvider(tools, { caller, server_identifier, user_id }, { traceparent })
  return answer(tools, asked)
}

const methodIn = (methods: Methods, name: string): Method | undefined =>
  Object.hasOwn(methods, name) ? methods[name] : undefined
