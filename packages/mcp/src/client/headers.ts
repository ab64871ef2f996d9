import type { Session } from './sessions.ts'

const ours: ReadonlySet<string> = new Set([
  'accept',
  'connection',
  'content-length',
  'content-type',
  'host',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'transfer-encoding'
])

/** The caller's headers by lower-case name, without those the protocol sets: two spellings would be sent twice. */
export const callerHeaders = (headers: Record<string, string>): Record<string, string> => {
  const kept: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    const lower = name.toLowerCase()
    if (value !== undefined && !ours.has(lower) && !lower.startsWith('mcp-param-')) kept[lower] = value
  }
  return kept
}

const plainValue = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
const sentinel = /^=\?base64\?.*\?=$/i

/** A value as the Mcp-Name header carries it (2026-07-28, standard request headers): what is not plain goes as base64. */
export const encodeHeaderValue = (value: string): string =>
  plainValue.test(value) && !sentinel.test(value) ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`

/** What a header that was written so says; undefined where it is missing or cannot be read. */
export const decodeHeaderValue = (header: unknown): string | undefined => {
  if (typeof header !== 'string' || !sentinel.test(header)) return typeof header === 'string' ? header : undefined
  const base64 = header.slice('=?base64?'.length, -'?='.length)
  const text = Buffer.from(base64, 'base64').toString()
  return Buffer.from(text).toString('base64') === base64 ? text : undefined
}

/** What can answer a request (2025-11-25, sending messages to the server). */
export const accept = 'application/json, text/event-stream'

/** Of a message in a session that began with `initialize`, or of that request itself. */
export const legacyHeaders = (
  headers: Record<string, string>,
  session: Session | undefined
): Record<string, string> => {
  const all: Record<string, string> = { ...headers, accept, 'content-type': 'application/json' }
  if (session) all['mcp-protocol-version'] = session.protocolVersion
  if (session?.id !== undefined) all['mcp-session-id'] = session.id
  return all
}
