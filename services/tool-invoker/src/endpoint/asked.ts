import type { McpEvent } from '@onbehalf/mcp'
import type { CallContext, CallToolTools } from '../calls/call-tool.ts'
import type { CallLimits } from '../limits/call-limits.ts'
import type { Tell } from './answer-stream.ts'
import type { Envelope } from './envelope.ts'
import type { ListTools } from './list.ts'
import type { StateTools } from './request-state.ts'
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
  spend: (serverIdentifier: string) => Promise<void>
  tell: Tell
}

export type EndpointTools = CallToolTools & StateTools & { list: ListTools; limits: CallLimits }

/** Answers with the text of a result. */
export type Method = (tools: EndpointTools, asked: Asked) => Promise<string>

/** Whom an app acts for, where it says so. */
export const actsFor = ({ user_id }: Asked) => (user_id === undefined ? {} : { user_id })

/** Asks the server to tell how it goes only where its client wants to hear it. */
export const hearing = ({ envelope: { progressToken, wantsLog }, tell }: Asked) =>
  progressToken === undefined && !wantsLog
    ? {}
    : {
        onEvent: ({ method, params }: McpEvent) => {
          if (method === 'notifications/message' && wantsLog) tell({ jsonrpc: '2.0', method, params })
          else if (method === 'notifications/progress' && progressToken !== undefined)
            tell({ jsonrpc: '2.0', method, params: { ...params, progressToken } })
        }
      }
