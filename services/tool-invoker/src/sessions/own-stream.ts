import type { McpEvent, ServerRequest } from '@onbehalf/mcp'
import { callOptionsOf } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { tellingTo } from '../endpoint/answer-stream.ts'
import type { EndpointTools } from '../endpoint/asked.ts'
import { RpcFault } from '../endpoint/rpc.ts'
import { type EventStream, openEventStream, sendStream } from '../events/stream.ts'
import type { Filter } from '../listening/filter.ts'
import { hearAll } from '../listening/hear-all.ts'
import type { HearingOfAll } from '../listening/hear-one.ts'
import { afterTheFirst, hearServer, noLonger } from '../listening/hear-server.ts'
import type { Place } from '../listening/tool-changes.ts'
import { watchCaller } from '../listening/watch-caller.ts'
import { askClient } from './ask-client.ts'
import { findSession, type Session, type SessionUse } from './find.ts'
import { isLogged } from './log-level.ts'

const lookMs = 60_000

/**
 * The client's own stream in a session (2025-11-25, listening for messages from the server): what changes, and what the
 * server says that belongs to no request. A later one takes its place.
 */
export const openOwnStream = async (
  tools: EndpointTools,
  request: FastifyRequest,
  reply: FastifyReply,
  { session, use }: { session: Session; use: SessionUse }
): Promise<FastifyReply> => {
  const spend = (named: string) => tools.limits(request, reply, named)
  await spend(use.server_identifier ?? '')
  const events = openEventStream()
  const ended = new AbortController()
  const end = () => ended.abort(noLonger())
  ended.signal.addEventListener('abort', () => events.end(), { once: true })
  const { tenant_id } = use.caller.principal
  const ends = [end, tools.places.take({ tenant_id, holder: session.owner.holder }, end)]
  const endAll = () => {
    for (const one of ends) one()
  }
  try {
    const { traceparent } = callOptionsOf(request)
    let restart = () => {}
    const watched = await watchCaller(tools, use, { traceparent, cancel: end, moved: () => restart() })
    const say = tellingTo(events)
    const changed = () => say({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
    ends.push(watched.end, tools.toolChanges.hear(watched.place, changed), keepUp(tools, session, use, end))
    const heard = hear(tools, watched.place, { session, use, traceparent, events, spend, signal: ended.signal })
    restart = heard.restart
    ends.push(heard.end, tools.exchanges.open(session.key, { say, restart, end }))
  } catch (thrown) {
    endAll()
    throw thrown
  }
  events.readable.once('close', endAll)
  events.begin()
  return sendStream(reply, events)
}

type Heard = Pick<HearingOfAll, 'traceparent' | 'spend' | 'signal'> & {
  session: Session
  use: SessionUse
  events: EventStream
}

/**
 * Hears the provider's server in the session's name. Of all providers only those are heard whose resources the client wants to
 * hear of: every client opens such a stream, and each server would be one more.
 */
const hear = (tools: EndpointTools, at: Place, { session, use, traceparent, events, spend, signal }: Heard) => {
  const { server_identifier } = use
  const say = tellingTo(events)
  const { upstream, capabilities } = session
  const filter = async (): Promise<Filter> => {
    const { uris } = await findSession(tools, session.id, use)
    const lists = server_identifier === undefined ? {} : allLists
    return uris.length === 0 ? lists : { ...lists, resourceSubscriptions: uris }
  }
  const onRequest = (request: ServerRequest) => askClient(tools.exchanges, session, { say, request, signal })
  const hearing = {
    ...{ traceparent, filter, signal },
    peer: { session: upstream, capabilities, onRequest },
    onEvent: ({ method, params }: McpEvent) => {
      // Its tools are told of by their catalogue here.
      if (method === 'notifications/tools/list_changed') return
      if (method === 'notifications/message' && !isLogged(params.level, session.level)) return
      say({ jsonrpc: '2.0', method, params })
    }
  }
  if (server_identifier === undefined) return hearAll(tools, at, { ...hearing, use, spend })
  const one = { ...hearing, use: { ...use, server_identifier }, spend: afterTheFirst(() => spend(server_identifier)) }
  return { ...hearServer(tools, one), end: () => undefined }
}

const allLists: Filter = { promptsListChanged: true, resourcesListChanged: true }

/** A session is in use while its stream is open, and its stream ends with it. */
const keepUp = (tools: EndpointTools, { id }: Session, use: SessionUse, end: () => void): (() => void) => {
  const timer = setInterval(() => {
    findSession(tools, id, use).catch((error: unknown) => {
      if (error instanceof RpcFault) end()
    })
  }, lookMs)
  return () => clearInterval(timer)
}
