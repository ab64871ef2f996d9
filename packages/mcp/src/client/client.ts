import { aim, aimToHear } from './aim.ts'
import type { CalledTool, CallTool, McpRequest, McpTarget } from './asking.ts'
import { createBackground } from './background.ts'
import { converse, type Talk } from './converse.ts'
import type { Clock } from './deadline.ts'
import { createEras } from './eras.ts'
import { createHeldBudget } from './held-budget.ts'
import { defaultLimits, type McpLimits } from './limits.ts'
import { listTools } from './list-tools.ts'
import { notify } from './notify.ts'
import { parameterHeaders } from './parameter-headers.ts'
import { type ClientInfo, listenMethod, type McpTool, type Send } from './protocol.ts'
import { createSessionPool } from './sessions.ts'
import { toldToListeners } from './target.ts'
import { type Watched, watchTools } from './watch-tools.ts'

export type McpClient = {
  listTools: (target: McpTarget) => Promise<{ tools: McpTool[]; protocolVersion: string | undefined }>
  /**
   * Tells of each change of the tools, and once when the server begins to tell of them, until the server ends it; `signal`
   * ends it with its reason.
   */
  watchTools: (target: McpTarget, onChange: () => void) => Promise<Watched>
  callTool: (call: CallTool) => Promise<CalledTool>
  request: (request: McpRequest) => Promise<CalledTool>
  /** Tells the servers of the kept sessions whose key is meant; nobody waits for it. */
  notify: (isMeant: (sessionKey: string) => boolean, method: string) => void
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
  clock = () => performance.now(),
  limits: given = {}
}: {
  send: Send
  clientInfo: ClientInfo
  now?: () => Date
  clock?: Clock
  limits?: Partial<McpLimits>
}): McpClient => {
  const limits = { ...defaultLimits, ...given }
  const background = createBackground()
  let lastId = 0
  const nextId = () => {
    lastId += 1
    return lastId
  }
  const budget = createHeldBudget(limits.heldBytesMax)
  const wires = { send, limits, background, budget, clock, clientInfo, nextId }
  const talk: Talk = {
    wires,
    eras: createEras(limits, now),
    pool: createSessionPool(limits, background, now)
  }

  const request: McpClient['request'] = async (asked) => {
    const { method, name, params, capabilities, inputSchema, onRequest, logLevel, pass, onHeld } = asked
    const headers = inputSchema === undefined ? undefined : parameterHeaders(inputSchema, params.arguments)
    const target = method === listenMethod ? { ...aimToHear(wires, asked), hears: toldToListeners } : aim(wires, asked)
    target.onEvent = asked.onEvent
    target.wantsEvents = asked.wantsEvents ?? asked.onEvent !== undefined
    if (capabilities) target.capabilities = capabilities
    target.onRequest = onRequest
    target.logLevel = logLevel
    const conversation = converse(talk, target, asked.sessionKey)
    try {
      const { result, resultText, isPassed } = await conversation.ask({
        ...{ method, name, params, headers, pass, onHeld }
      })
      const protocolVersion = conversation.protocolVersion()
      return { result, resultText: resultText(), isPassed: isPassed === true, protocolVersion }
    } finally {
      conversation.close()
      target.deadline.stop()
    }
  }

  return {
    listTools: async (where) => {
      const target = aim(wires, where)
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
      const target = aimToHear(wires, where)
      try {
        return await watchTools(talk, target, onChange)
      } finally {
        target.deadline.stop()
      }
    },

    callTool: (call) =>
      request({ ...call, method: 'tools/call', params: { name: call.name, arguments: call.arguments } }),
    request,

    notify: (isMeant, method) => {
      for (const { url, opening } of talk.pool.held(isMeant))
        background.run(async () => {
          const session = await opening
          await notify(wires, { url, headers: session.headers }, session, { method })
        })
    },

    endSessions: (isMeant) => talk.pool.drop(isMeant),

    close: async () => {
      talk.pool.drop(() => true)
      await background.settle()
    }
  }
}
