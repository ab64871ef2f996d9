import { ReportedError } from '@onbehalf/errors'
import { decodeHeaderValue, encodeHeaderValue } from './headers.ts'
import { annotationsOf } from './parameter-annotation.ts'
import { isJson } from './protocol.ts'

// Servers and what is before them take some 8 to 16 KB of headers in all.
const bytesMax = 6 * 1024

/**
 * The arguments that a tool's schema wants repeated as headers (2026-07-28, custom headers from tool parameters), by
 * lower-case name. What is null or left out is in no header. Throws `invalid_arguments` where they do not fit in headers.
 */
export const parameterHeaders = (inputSchema: unknown, given: unknown): Record<string, string> => {
  const repeated = annotated(inputSchema, given)
  if (repeated.length === 0) return none
  const headers: Record<string, string> = {}
  for (const { header, value, path } of repeated) headers[header] = written(value, path)
  const all = Object.entries(headers)
  const bytes = all.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (bytes > bytesMax) throw tooLarge()
  return headers
}

const none: Readonly<Record<string, string>> = {}

/** An argument that is repeated in a header, and where it is: a JSON Pointer into the arguments. */
export type RepeatedParameter = { header: string; value: unknown; path: string }

/** The first argument that the headers of a request do not repeat as the tool's schema wants it; undefined: none. */
export const disagreeingParameter = (
  inputSchema: unknown,
  given: unknown,
  headers: Record<string, unknown>
): RepeatedParameter | undefined =>
  annotated(inputSchema, given).find(({ header, value }) => !repeats(decodeHeaderValue(headers[header]), value))

const repeats = (text: string | undefined, value: unknown): boolean => {
  if (typeof value === 'object') return true
  if (text === undefined) return false
  // 42.0 and 42 are the same number.
  return text === String(value) || (typeof value === 'number' && decimal.test(text) && Number(text) === value)
}

const decimal = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const annotated = (schema: unknown, given: unknown): RepeatedParameter[] => {
  const annotations = isJson(schema) ? annotationsOf(schema) : []
  return annotations.flatMap(({ header, keys }) => {
    const value = valueAt(given, keys)
    return value === undefined || value === null ? [] : [{ header, value, path: `/${keys.join('/')}` }]
  })
}

const valueAt = (given: unknown, keys: readonly string[]): unknown => {
  let at = given
  for (const key of keys) at = isJson(at) && Object.hasOwn(at, key) ? at[key] : undefined
  return at
}

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
