import { createBackground } from './background.ts'
import { converse, type Talk } from './converse.ts'
import { type Deadline, startDeadline } from './deadline.ts'
import { createEras } from './eras.ts'
import { callerHeaders } from './headers.ts'
import { defaultLimits, type McpLimits } from './limits.ts'
import { listTools } from './list-tools.ts'
import { parameterHeaders } from './parameter-headers.ts'
import {
  type ClientInfo,
  type Json,
  listenMethod,
  type McpEvent,
  type McpTool,
  type RpcOutcome,
  type Send,
  type ServerRequest
} from './protocol.ts'
import { createSessionPool } from './sessions.ts'
import { type Watched, watchTools } from './watch-tools.ts'
import { type Target, toldToListeners } from './wire.ts'

/** Where to, as whom, and how long. */
export type McpTarget = {
  /** The server's one address. Only this is asked; redirects are not followed. */
  url: string
  /** What the provider's settings and the identity add; what the protocol sets itself is ignored here. */
  headers: Record<string, string>
  /** Of each request: until its answer is complete, or until a stream begins. */
  timeoutMs: number
  /** The longest silence on a stream; unset: `timeoutMs`. */
  sseReadTimeoutMs?: number
  signal?: AbortSignal
}

/** How one thing is asked of a server. */
export type Asking = McpTarget & {
  /**
   * Everything that makes two callers different: tenant, principal, provider revision, credential identity. Calls with
   * an equal key share a session at a legacy server; without a key each call has a session of its own.
   */
  sessionKey?: string
  onEvent?: (event: McpEvent) => void
  /** Whether the server is asked to tell how it goes; left out: with `onEvent`. */
  wantsEvents?: boolean
  /** What whoever it is asked for can do; a modern server is told, and may then ask for input. None when left out. */
  capabilities?: Json
  /**
   * Answers what a server asks of whoever it is asked for, until then with a session of its own. Without it a legacy server
   * is told of no capabilities.
   */
  onRequest?: (request: ServerRequest) => Promise<RpcOutcome>
  /** The least severe log messages that are wanted; `info` of a modern server, and a legacy one's choice, when left out. */
  logLevel?: string
  /** Of the tool that is called: what it annotates is repeated as headers (2026-07-28). */
  inputSchema?: unknown
}

export type CallTool = Asking & { name: string; arguments: Json }

/** Any request of the protocol, such as `resources/read`. */
export type McpRequest = Asking & {
  method: string
  /** What the Mcp-Name header repeats: the name of a tool or prompt, the URI of a resource. */
  name?: string
  params: Json
}

export type CalledTool = {
  /** The result as the server sent it; `isError` and `resultType` are for its reader to see. */
  result: Json
  /** The same in the server's own words: its order of names, its numbers. */
  resultText: string
  /** The revision that the server speaks. */
  protocolVersion: string | undefined
  /** The first progress and log messages; they are asked for, and told in full, only with `onEvent`. */
  events: McpEvent[]
}

export type McpClient = {
  listTools: (target: McpTarget) => Promise<{ tools: McpTool[]; protocolVersion: string | undefined }>
  /**
   * Tells of each change of the tools, and once when the server begins to tell of them, until the server ends it; `signal`
   * ends it with its reason.
   */
  watchTools: (target: McpTarget, onChange: () => void) => Promise<Watched>
  callTool: (call: CallTool) => Promise<CalledTool>
  request: (request: McpRequest) => Promise<CalledTool>
  /** Ends the kept sessions whose key is meant, for a revoke or a changed provider. */
  endSessions: (isMeant: (sessionKey: string) => boolean) => void
  /** Ends every kept session and waits for all clean-up. */
  close: () => Promise<void>
}

/**
 * An MCP client over Streamable HTTP for both eras: 2026-07-28, and 2025-11-25, 2025-06-18, 2025-03-26; and over
 * HTTP+SSE of 2024-11-05.
 *
 * Throws `ReportedError`: `UpstreamUnauthorized` for a 401, `upstream_insufficient_scope`, `upstream_unavailable`,
 * `upstream_timeout`, and `upstream_error` for a JSON-RPC error (cause: `McpServerError`) or an unusable answer. When
 * `signal` ends a call, its reason is thrown.
 */
export const createMcpClient = ({
  send,
  clientInfo,
  now = () => new Date(),
  limits: given = {}
}: {
  send: Send
  clientInfo: ClientInfo
  now?: () => Date
  limits?: Partial<McpLimits>
}): McpClient => {
  const limits = { ...defaultLimits, ...given }
  const background = createBackground()
  let lastId = 0
  const nextId = () => {
    lastId += 1
    return lastId
  }
  const talk: Talk = {
    wires: { send, limits, background, clientInfo, nextId },
    eras: createEras(limits, now),
    pool: createSessionPool(limits, background, now)
  }

  const aim = (where: McpTarget): Target =>
    aimAt(where, startDeadline({ ms: where.timeoutMs, msMax: limits.callMsMax, signal: where.signal }))
  const aimAt = ({ url, headers, timeoutMs, sseReadTimeoutMs = timeoutMs }: McpTarget, deadline: Deadline): Target => ({
    url,
    headers: callerHeaders(headers),
    timeoutMs,
    sseReadTimeoutMs,
    deadline,
    onEvent: undefined,
    wantsEvents: false,
    capabilities: {}
  })
  /** A stream of changes may be silent for as long as it is heard. */
  const aimToHear = (where: McpTarget): Target => {
    const { watchMsMax: msMax, watchSilenceMsMax: sseReadTimeoutMs, watchMessageLengthMax: messageLengthMax } = limits
    const deadline = startDeadline({ ms: where.timeoutMs, msMax, signal: where.signal })
    return { ...aimAt(where, deadline), sseReadTimeoutMs, messageLengthMax }
  }
  const aimFor = (asked: McpRequest): Target => {
    if (asked.method !== listenMethod) return aim(asked)
    return { ...aimToHear(asked), hears: toldToListeners }
  }

  const request: McpClient['request'] = async (asked) => {
    const events: McpEvent[] = []
    // What is listened to has no answer that they would belong to.
    const eventsMax = asked.method === listenMethod ? 0 : limits.eventsMax
    const onEvent = (event: McpEvent) => {
      if (events.length < eventsMax) events.push(event)
      asked.onEvent?.(event)
    }
    const { method, name, params, capabilities = {}, inputSchema, onRequest, logLevel } = asked
    const repeated = inputSchema === undefined ? {} : { headers: parameterHeaders(inputSchema, params.arguments) }
    const { wantsEvents = asked.onEvent !== undefined } = asked
    const target = { ...aimFor(asked), onEvent, wantsEvents, capabilities, onRequest, logLevel }
    const conversation = converse(talk, target, asked.sessionKey)
    try {
      const { result, resultText } = await conversation.ask({
        ...{ method, params, ...repeated },
        ...(name !== undefined && { name })
      })
      return { result, resultText: resultText(), protocolVersion: conversation.protocolVersion(), events }
    } finally {
      conversation.close()
      target.deadline.stop()
    }
  }

  return {
    listTools: async (where) => {
      const target = aim(where)
      const conversation = converse(talk, target, undefined)
      try {
        const tools = await listTools(conversation, limits)
        return { tools, protocolVersion: conversation.protocolVersion() }
      } finally {
        conversation.close()
        target.deadline.stop()
      }
    },

    watchTools: async (where, onChange) => {
      const target = aimToHear(where)
      const wires = { ...talk.wires, limits: { ...limits, repliesMax: limits.repliesMax * 50 } }
      try {
        return await watchTools({ ...talk, wires }, target, onChange)
      } finally {
        target.deadline.stop()
      }
    },

    callTool: (call) =>
      request({ ...call, method: 'tools/call', params: { name: call.name, arguments: call.arguments } }),
    request,

    endSessions: (isMeant) => talk.pool.drop(isMeant),

    close: async () => {
      talk.pool.drop(() => true)
      await background.settle()
    }
  }
}
