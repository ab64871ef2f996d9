import type { Deadline } from './deadline.ts'
import type { Tools } from './exchange.ts'
import {
  type ClientInfo,
  isJson,
  type Json,
  type McpEvent,
  type OnHeld,
  type Pass,
  type RpcOutcome,
  type ServerRequest
} from './protocol.ts'

/** Where a caller's requests go, with what, and how long they may take. */
export type Target = {
  url: string
  /** Whose its answers are, where they are held. */
  holder: string
  /** The caller's, lower-case. */
  headers: Record<string, string>
  timeoutMs: number
  sseReadTimeoutMs: number
  /** Of an event before it is complete, in characters; unset: only the whole stream is bounded. */
  messageLengthMax?: number | undefined
  deadline: Deadline
  onEvent: ((event: McpEvent) => void) | undefined
  /** The notifications that `onEvent` hears; unset: of progress and log messages. */
  hears?: ReadonlySet<string>
  /** Whether the server is asked to tell how it goes. */
  wantsEvents: boolean
  /** What the server may ask of whoever this is for (2026-07-28). */
  capabilities: Json
  /** Answers what the server asks of them; left out, it may ask nothing. */
  onRequest?: ((request: ServerRequest) => Promise<RpcOutcome>) | undefined
  logLevel?: string | undefined
}

/** A request before it has an id and an era. */
export type Request = {
  method: string
  name?: string | undefined
  params: Json
  /** Arguments that are repeated as headers (2026-07-28), by lower-case name. */
  headers?: Record<string, string> | undefined
  /** Who takes a large result as it comes; unset: it is held. */
  pass?: Pass | undefined
  onHeld?: OnHeld | undefined
}

/** What a client's requests share. */
export type Wires = Tools & { clientInfo: ClientInfo; nextId: () => number }

const told: ReadonlySet<string> = new Set(['notifications/progress', 'notifications/message'])
/** What is told to who listens to a server. */
export const toldToListeners: ReadonlySet<string> = new Set([
  ...['notifications/message', 'notifications/resources/updated'],
  ...['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`)
])

/** Tells whoever hears `target`, if it is something that they hear of. */
export const tell = (target: Target, method: string, params: unknown): void => {
  if ((target.hears ?? told).has(method)) target.onEvent?.({ method, params: isJson(params) ? params : {} })
}
