import type { CallSignal } from '@onbehalf/egress'
import type { Json, McpEvent, OnHeld, Pass, RpcOutcome, ServerRequest } from './protocol.ts'

/** Where to, as whom, and how long. */
export type McpTarget = {
  /** The server's one address. Only this is asked; redirects are not followed. */
  url: string
  /** Whose its answers are, where they are held: none of them has all the room there is. Left out: all such are one's. */
  holder?: string
  /** What the provider's settings and the identity add; what the protocol sets itself is ignored here. */
  headers: Record<string, string>
  /** Of each request: until its answer is complete, or until a stream begins. */
  timeoutMs: number
  /** The longest silence on a stream; unset: `timeoutMs`. */
  sseReadTimeoutMs?: number
  signal?: CallSignal
}

/** How one thing is asked of a server. */
export type Asking = McpTarget & {
  /**
   * Everything that makes two callers different: tenant, principal, provider revision, credential identity. Calls with
   * an equal key share a session at a legacy server; without a key each call has a session of its own. A function is asked
   * for it where the server has sessions.
   */
  sessionKey?: string | (() => string)
  onEvent?: ((event: McpEvent) => void) | undefined
  /** Whether the server is asked to tell how it goes; left out: with `onEvent`. */
  wantsEvents?: boolean
  /** What whoever it is asked for can do; a modern server is told, and may then ask for input. None when left out. */
  capabilities?: Json | undefined
  /**
   * Answers what a server asks of whoever it is asked for, until then with a session of its own. Without it a legacy server
   * is told of no capabilities.
   */
  onRequest?: ((request: ServerRequest) => Promise<RpcOutcome>) | undefined
  /** Who takes a large result as it comes; left out, it is held until it is whole. */
  pass?: Pass | undefined
  /** Hears of a large answer that is held, which then counts as held until it is given back; left out, until it is read. */
  onHeld?: OnHeld | undefined
  /** The least severe log messages that are wanted; `info` of a modern server, and a legacy one's choice, when left out. */
  logLevel?: string | undefined
  /** Of the tool that is called: what it annotates is repeated as headers (2026-07-28). */
  inputSchema?: unknown
}

export type CallTool = Asking & { name: string; arguments: Json }

/** Any request of the protocol, such as `resources/read`. */
export type McpRequest = Asking & {
  method: string
  /** What the Mcp-Name header repeats: the name of a tool or prompt, the URI of a resource. */
  name?: string | undefined
  params: Json
}

export type CalledTool = {
  /** The result as the server sent it; `isError` and `resultType` are for its reader to see. */
  result: Json
  /** The same in the server's own words: its order of names, its numbers. */
  resultText: string
  /**
   * Whether it was passed on as it came. Then `result` holds its `isError`, `resultType` and `_meta` alone, and `resultText`
   * is the rest: the brace that ends it.
   */
  isPassed: boolean
  /** The revision that the server speaks. */
  protocolVersion: string | undefined
}
