import { throwIfEnded, untilAborted } from '@onbehalf/egress'
import type { McpEvent } from '@onbehalf/mcp'
import type { Asked, Method } from '../endpoint/asked.ts'
import { RpcFault, rpcCodes } from '../endpoint/rpc.ts'
import { ownerOf } from '../sessions/find.ts'
import { type Filter, isEmpty, isWanted, ofServer, readFilter } from './filter.ts'
import { hearAll } from './hear-all.ts'
import { afterTheFirst, hearServer, noLonger } from './hear-server.ts'
import { joinedFilter } from './join-filter.ts'
import { watchCaller } from './watch-caller.ts'

const subscriptionIdKey = 'io.modelcontextprotocol/subscriptionId'

/** Tells what changes for as long as the client listens (2026-07-28, subscriptions/listen). */
export const subscribe: Method = async (tools, asked) => {
  const { caller, signal, cancel, traceparent } = asked.context
  const { server_identifier, user_id } = asked
  const use = { caller, server_identifier, user_id }
  const filter = honoured(asked)
  const _meta = { [subscriptionIdKey]: asked.request.id }
  const say = (method: string, params: object = {}) =>
    asked.tell({ jsonrpc: '2.0', method, params: { ...params, _meta } })

  await asked.spend(server_identifier ?? '')
  const { promise: left, resolve: leave } = Promise.withResolvers<void>()
  const giveBack = tools.places.take({ tenant_id: caller.principal.tenant_id, holder: ownerOf(use).holder }, leave)
  const ended = new AbortController()
  const ends = [() => ended.abort(noLonger()), giveBack]
  try {
    let restart = () => {}
    const watched = await watchCaller(tools, use, { traceparent, cancel, moved: () => restart() })
    ends.push(watched.end)
    throwIfEnded(signal)
    if (!say('notifications/subscriptions/acknowledged', { notifications: filter })) throw cannotHear()
    if (filter.toolsListChanged)
      ends.push(tools.toolChanges.hear(watched.place, () => say('notifications/tools/list_changed')))
    const wanted = ofServer(filter)
    const tell = (event: McpEvent) => isWanted(wanted, event) && say(event.method, event.params)
    const hearing = {
      ...{ traceparent, signal: ended.signal, peer: { capabilities: {} } },
      ...{ filter: async () => wanted, onEvent: tell }
    }
    if (server_identifier === undefined && !isEmpty(wanted))
      ends.push(hearAll(tools, watched.place, { ...hearing, use, spend: asked.spend }).end)
    if (server_identifier !== undefined && !isEmpty(wanted)) {
      const spend = afterTheFirst(() => asked.spend(server_identifier))
      ;({ restart } = hearServer(tools, { ...hearing, spend, use: { ...use, server_identifier } }))
    }
    await untilAborted(left, signal)
    return JSON.stringify({ resultType: 'complete', _meta })
  } finally {
    for (const end of ends) end()
  }
}

/** What of it can be told here. */
const honoured = ({ request, server_identifier }: Asked): Filter => {
  const filter = readFilter(request.params.notifications)
  if (!filter) throw badFilter()
  return server_identifier === undefined ? joinedFilter(filter) : filter
}

const badFilter = () =>
  new RpcFault(rpcCodes.invalidParams, 'params.notifications is not what to listen to.', { status: 400 })
const cannotHear = () =>
  new RpcFault(rpcCodes.invalidRequest, 'Listening is a stream: accept text/event-stream.', { status: 400 })
