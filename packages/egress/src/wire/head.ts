import type { Headers } from '../headers.ts'
import { fieldValue, token } from './grammar.ts'
import { unreadable } from './unreadable.ts'

/** How the length of a body is told (RFC 9112, 6.3): in bytes, or by one of these. */
export const inChunks = -1
export const untilClose = -2

/** What the head of an answer says. */
export type Head = {
  status: number
  headers: Headers
  /** In bytes, `inChunks` or `untilClose`. */
  length: number
  /** How long the server keeps the connection, in milliseconds: 0 where it closes it. */
  keptMs: number
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
// Nothing is taken from what tells a length, so that it says the same to everybody.
const framing: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding'])
const digits = /^\d{1,15}$/

const linesMax = 256

// No header has the name of what every object has.
class Fields {
  [name: string]: string | string[] | undefined
}
Object.setPrototypeOf(Fields.prototype, null)
Reflect.deleteProperty(Fields.prototype, 'constructor')

/** Reads a head, without the empty line that ends it. Throws where it can be read in more than one way, or in none. */
export const readHead = (text: string): Head => {
  let end = lineEnd(text, 0)
  const [, minor, status] = statusLine.exec(text.slice(0, end)) ?? []
  if (minor === undefined || status === undefined) throw unreadable('the status line cannot be read')
  const headers = new Fields()
  let lines = 0
  for (let at = end + 2; at < text.length; at = end + 2) {
    lines += 1
    if (lines > linesMax) throw unreadable('the head has too many lines')
    end = lineEnd(text, at)
    add(headers, text, at, end)
  }
  const code = Number(status)
  const isOlder = minor === '0'
  if (isOlder && code < 200) throw unreadable('HTTP/1.0 announces nothing')
  return { status: code, headers, length: lengthOf(headers, code, isOlder), keptMs: isOlder ? 0 : keptMs(headers) }
}

const lineEnd = (text: string, at: number): number => {
  const end = text.indexOf('\r\n', at)
  return end === -1 ? text.length : end
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

const add = (headers: Headers, text: string, at: number, end: number): void => {
  const colon = text.indexOf(':', at)
  if (colon === -1 || colon > end) throw unreadable('a line of the head is no header')
  const name = text.slice(at, colon).toLowerCase()
  let first = colon + 1
  let last = end
  while (first < last && isBlank(text.charCodeAt(first))) first += 1
  if (!framing.has(name)) while (last > first && isBlank(text.charCodeAt(last - 1))) last -= 1
  const value = text.slice(first, last)
  // A line that goes on in the next one, a line feed alone and a space before the colon are refused by this.
  if (!token.test(name) || !fieldValue.test(value)) throw unreadable('a header cannot be read')
  const known = headers[name]
  if (known === undefined) headers[name] = value
  else if (Array.isArray(known)) known.push(value)
  else headers[name] = [known, value]
}

const isBodiless = (status: number): boolean => status < 200 || status === 204 || status === 304

// Whoever tells a length twice, or in two ways, may have two answers in one.
const lengthOf = (headers: Headers, status: number, isOlder: boolean): number => {
  const coding = headers['transfer-encoding']
  const told = headers['content-length']
  if (coding !== undefined) {
    const isChunked = typeof coding === 'string' && coding.toLowerCase() === 'chunked'
    if (!isChunked || told !== undefined || isOlder) throw unreadable('the length of the body is not clear')
    return isBodiless(status) ? 0 : inChunks
  }
  if (told !== undefined && !(typeof told === 'string' && digits.test(told)))
    throw unreadable('the length of the body is not clear')
  if (isBodiless(status)) return 0
  return told === undefined ? untilClose : Number(told)
}

// The server may have closed it by the time that our next request arrives.
const leewayMs = 2_000

const keptMs = (headers: Headers): number => {
  const { connection, 'keep-alive': hint } = headers
  if (connection !== undefined && connection !== 'keep-alive' && /\bclose\b/i.test(String(connection))) return 0
  if (hint === undefined) return Number.POSITIVE_INFINITY
  const [, seconds] = /\btimeout=(\d{1,9})/i.exec(String(hint)) ?? []
  return seconds === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Number(seconds) * 1_000 - leewayMs)
}
