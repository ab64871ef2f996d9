import { digestOf } from './digest.ts'
import { invalid } from './errors.ts'
import type { Identity } from './identity.ts'

/** A tools/call, as it reached the server. */
export type ToolCall = { name: string; arguments?: unknown }

/** Whether the token says which call it is for, or that it is for none. */
export const isBound = ({ tool, arguments_digest }: Identity): boolean =>
  tool !== undefined || arguments_digest !== undefined

/** Throws unless the token is for this call, or says nothing of calls. */
export const checkCall = (identity: Identity, call: ToolCall): void => {
  if (!isBound(identity)) return
  const { tool, arguments_digest } = identity
  if (tool !== call.name) throw invalid('the token is for another tool')
  if (arguments_digest !== digestOf(call.arguments)) throw invalid('the token is for other arguments')
}

/** What a client says before and around a call; none of it does anything. */
const harmless: ReadonlySet<string> = new Set([
  ...['server/discover', 'initialize', 'ping', 'tools/list'],
  ...['notifications/initialized', 'notifications/cancelled', 'notifications/progress']
])

/**
 * The one call that the body of an MCP request makes; undefined where it makes none. Throws where it does anything else
 * with a token that is for one call, or for none.
 */
export const onlyCallIn = (body: unknown): ToolCall | undefined => {
  const messages = (Array.isArray(body) ? body : [body]).filter(isRecord)
  const calls = messages.filter(({ method }) => method === 'tools/call').map(({ params }) => toCall(params))
  if (calls.length > 1) throw invalid('the token is for one call, and several were sent')
  const others = messages.filter(({ method }) => typeof method === 'string' && method !== 'tools/call')
  if (others.some(({ method }) => !harmless.has(String(method)))) throw invalid('the token is for a tool call only')
  return calls[0]
}

const toCall = (params: unknown): ToolCall => {
  if (isRecord(params) && typeof params.name === 'string') return { name: params.name, arguments: params.arguments }
  throw invalid('a tool is called without a name')
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
