import type { McpEvent } from '@onbehalf/mcp'
import type { CallContext, CallToolTools } from '../calls/call-tool.ts'
import type { Recorder } from '../calls/recorder.ts'
import type { StateTools } from '../calls/request-state.ts'
import type { CallLimits } from '../limits/call-limits.ts'
import type { ListenerPlaces } from '../listening/places.ts'
import type { ToolChanges } from '../listening/tool-changes.ts'
import type { ListProviders } from '../providers/list.ts'
import type { Exchanges } from '../sessions/exchanges.ts'
import type { Session } from '../sessions/find.ts'
import { isLogged } from '../sessions/log-level.ts'
import type { Relay } from '../sessions/relay.ts'
import type { SessionStore } from '../sessions/store.ts'
import type { Tell } from './answer-stream.ts'
import type { Envelope } from './envelope.ts'
import type { ListTools } from './list.ts'
import type { RpcRequest } from './rpc.ts'

/** One request of a client, and all that answering it needs. */
export type Asked = {
  request: RpcRequest
  envelope: Envelope
  /** The provider whose own endpoint this is; undefined at the one of all. */
  server_identifier: string | undefined
  /** Whom an app acts for. */
  user_id: string | undefined
  /** As the client sent them. */
  headers: Readonly<Record<string, unknown>>
  context: CallContext
  /** Counts a request to a provider; throws `too_many_requests`. */
  spend: (serverIdentifier: string) => Promise<void> | undefined
  tell: Tell
  /** Of a client of 2025-11-25 or older that keeps one. */
  session: Session | undefined
  /** Gives the client its session's id. */
  keepSession: (id: string) => void
}

export type EndpointTools = CallToolTools &
  StateTools & {
    recorder: Pick<Recorder, 'listening'>
    list: ListTools
    listProviders: ListProviders
    limits: CallLimits
    sessions: SessionStore
    exchanges: Exchanges
    relay: Pick<Relay, 'take' | 'tell' | 'tellAll'>
    toolChanges: Pick<ToolChanges, 'hear'>
    /** Of the clients' own streams. */
    places: ListenerPlaces
    /** Of the servers that are heard for those at the endpoint of all. */
    serverPlaces: Pick<ListenerPlaces, 'take'>
  }

/** Answers with the text of a result. */
export type Method = (tools: EndpointTools, asked: Asked) => Promise<string>

/** Whom an app acts for, where it says so. */
export const actsFor = ({ user_id }: Asked) => (user_id === undefined ? {} : { user_id })

/** Asks the server to tell how it goes only where its client wants to hear it. */
export const hearing = ({ envelope: { progressToken, wantsLog }, tell, session }: Asked) =>
  progressToken === undefined && !wantsLog
    ? {}
    : {
        onEvent: ({ method, params }: McpEvent) => {
          if (method === 'notifications/message' && wantsLog && isLogged(params.level, session?.level))
            tell({ jsonrpc: '2.0', method, params })
          else if (method === 'notifications/progress' && progressToken !== undefined)
            tell({ jsonrpc: '2.0', method, params: { ...params, progressToken } })
        }
      }
