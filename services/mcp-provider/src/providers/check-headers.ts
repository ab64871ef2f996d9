import { invalid } from './problems.ts'
import type { Headers } from './provider.ts'

const headersMax = 50
const nameLengthMax = 128
const valueLengthMax = 8_192

// RFC 9110 §5.1 and §5.5: a token; visible characters with spaces and tabs between them.
const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const valueForm = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/

/** Set by HTTP or MCP itself for every request. */
const ownNames: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
])

/** Throws `invalid_request`, naming the header, where one could not be sent as it is written. */
export const checkHeaders = (headers: Headers): void => {
  const entries = Object.entries(headers)
  if (entries.length > headersMax) throw invalid('headers', `are more than ${headersMax}`)
  const seen = new Set<string>()
  for (const [name, value] of entries) {
    const lower = name.toLowerCase()
    const fault = faultOfName(name) ?? faultOfValue(value)
    if (fault) throw invalid(`headers.${name.slice(0, nameLengthMax)}`, fault)
    if (seen.has(lower)) throw invalid(`headers.${name}`, 'is given twice, in different spellings')
    seen.add(lower)
  }
}

const faultOfName = (name: string): string | undefined => {
  if (!nameForm.test(name)) return 'is not a valid header name'
  if (name.length > nameLengthMax) return `has a name of more than ${nameLengthMax} characters`
  return ownNames.has(name.toLowerCase()) ? 'is set by the protocol itself; leave it out' : undefined
}

const faultOfValue = (value: string): string | undefined => {
  if (value.length > valueLengthMax) return `has a value of more than ${valueLengthMax} characters`
  return valueForm.test(value) ? undefined : 'has a value that is empty, begins or ends with a space, or cannot be sent'
}
