import type { AnswerBody, CallSignal } from '@onbehalf/egress'

/** The revision that describes itself in every request and knows no sessions. */
export const modernVersion = '2026-07-28'

/** The revisions that begin with `initialize` over Streamable HTTP, newest first. */
export const streamableVersions: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26']
/** All that begin with `initialize`; the oldest has a transport of its own, HTTP+SSE. */
export const legacyVersions: readonly string[] = [...streamableVersions, '2024-11-05']

export const metaKeys = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel'
} as const

export const headerMismatchCode = -32020
/** HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion: only a modern server has these. */
export const modernErrorCodes: ReadonlySet<number> = new Set([headerMismatchCode, -32021, -32022])
export const unsupportedVersionCode = -32022
export const methodNotFoundCode = -32601

/** Opens a stream of what changes at a server (2026-07-28); asked of an older one it is that server's own stream. */
export const listenMethod = 'subscriptions/listen'

export type Json = Record<string, unknown>
export type RpcError = { code: number; message: string; data?: unknown }
export type ClientInfo = { name: string; version: string }

/** What one HTTP exchange came to. `refused` is any answer that holds no JSON-RPC answer to us. */
export type Answer =
  | { kind: 'result'; result: Json; resultText: () => string; isPassed?: true; headers: ResponseHeaders }
  | { kind: 'error'; status: number; error: RpcError }
  | { kind: 'refused'; status: number; headers: ResponseHeaders }

/** Takes a piece of a result's text; where it can take no more for now, the promise resolves when it can. */
export type Take = (piece: Uint8Array) => Promise<void> | undefined

/** Asked when a large result begins: who takes it as it comes; undefined where it has to be given whole all the same. */
export type Pass = () => Take | undefined

/** Told that a large answer is held: `giveBack` is to be called when nobody has its text any more. */
export type OnHeld = (giveBack: () => void) => void

export type ResponseHeaders = Record<string, string | string[] | undefined>

/** One HTTP request; bound to the egress guard by the services, which also forbids redirects. */
export type Send = (
  url: string,
  init: {
    method: 'POST' | 'GET' | 'DELETE'
    headers: Record<string, string>
    body?: string | undefined
    signal?: CallSignal
    headersTimeoutMs: number
    bodyTimeoutMs: number
  }
) => Promise<{ status: number; headers: ResponseHeaders; body: AnswerBody }>

/** What the server tells while it works: progress and log messages, as they came. */
export type McpEvent = { method: string; params: Json }

/** What a server asks of the client that it serves: sampling, elicitation, roots. */
export type ServerRequest = { method: string; params: Json }
export type RpcOutcome = { result: Json } | { error: RpcError }

/** One entry of a server's catalogue, as the server sent it. */
export type McpTool = Json & { name: string }

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isRpcError = (value: unknown): value is RpcError =>
  isJson(value) && typeof value.code === 'number' && typeof value.message === 'string'

export const isTool = (value: unknown): value is McpTool => isJson(value) && typeof value.name === 'string'
