import { ReportedError } from '@onbehalf/errors'
import { encodeHeaderValue } from './headers.ts'
import { isJson, type Json } from './protocol.ts'

const annotation = 'x-mcp-header'
// RFC 9110 §5.6.2
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const headersMax = 50
const depthMax = 20
// Servers and what is before them take some 8 to 16 KB of headers in all.
const bytesMax = 6 * 1024

/**
 * The arguments that a tool's schema wants repeated as headers (2026-07-28, custom headers from tool parameters), by
 * lower-case name. What is null or left out is in no header. Throws `invalid_arguments` where they do not fit in headers.
 */
export const parameterHeaders = (inputSchema: unknown, given: unknown): Record<string, string> => {
  const headers: Record<string, string> = {}
  collect(inputSchema, given, { headers, path: '', depth: 0 })
  const all = Object.entries(headers)
  const bytes = all.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (all.length > headersMax || bytes > bytesMax) throw tooLarge()
  return headers
}

type Place = { headers: Record<string, string>; path: string; depth: number }

const collect = (schema: unknown, value: unknown, { headers, path, depth }: Place): void => {
  if (!isJson(schema) || !isJson(schema.properties) || !isJson(value) || depth > depthMax) return
  for (const [key, below] of Object.entries(schema.properties)) {
    const own = ownValue(value, key)
    if (!isJson(below) || own === undefined || own === null) continue
    const name = below[annotation]
    const here = `${path}/${key}`
    if (typeof name === 'string' && token.test(name)) headers[`mcp-param-${name.toLowerCase()}`] = written(own, here)
    else collect(below, own, { headers, path: here, depth: depth + 1 })
  }
}

const ownValue = (value: Json, key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined)

const written = (value: unknown, path: string): string => {
  if (typeof value === 'string' && value.length <= bytesMax) return encodeHeaderValue(value)
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (typeof value === 'string') throw tooLarge(path)
  throw new ReportedError('invalid_arguments', 'An argument that goes into a header is no text, number or truth.', {
    details: [{ path, message: 'must be a string, a number or a boolean' }]
  })
}

const tooLarge = (path = '') =>
  new ReportedError('invalid_arguments', 'The arguments that this tool wants in headers are too large for that.', {
    details: [{ path, message: `is more than fits in headers, ${bytesMax} bytes together` }]
  })
