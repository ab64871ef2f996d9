import { Buffer } from 'node:buffer'
import { fieldValue, token } from './grammar.ts'

/** A request as it is sent. */
export type RequestText = {
  /** With the empty line that ends it; Latin-1. */
  head: string
  /** UTF-8. */
  body: string
  /** Whether the body is the same in both. */
  isAscii: boolean
}

export type Asking = {
  path: string
  method: string
  /** Names in lower case, none that belongs to the connection. */
  headers: Record<string, string>
  body: string | null
}

const shortMax = 64
const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE'])

const refuse = (what: string): never => {
  throw Object.assign(new Error(`${what} cannot be sent`), { code: 'UND_ERR_INVALID_ARG' })
}

/** Whether calls of this kind are made here. */
export const isPlain = (asked: { method: string; body: unknown }): asked is Asking =>
  methods.has(asked.method) && (asked.body === null || (typeof asked.body === 'string' && asked.method === 'POST'))

/** Throws where a header would end before its value does, or be another one. */
export const requestText = (host: string, { path, method, headers, body: given }: Asking): RequestText => {
  const body = given ?? ''
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  for (const name in headers) {
    const value = headers[name] ?? ''
    if (!token.test(name) || !isFieldValue(value)) refuse('a header')
    head += `${name}: ${value}\r\n`
  }
  const length = Buffer.byteLength(body)
  const isAscii = length === body.length
  return { head: method === 'POST' ? `${head}content-length: ${length}\r\n\r\n` : `${head}\r\n`, body, isAscii }
}

// To look at each character of a token takes longer than all else here. What is as long in UTF-8 is ASCII; what is left in it
// that no value may have is for the server to refuse: it ends no line.
const isFieldValue = (value: string): boolean => {
  if (value.length <= shortMax || Buffer.byteLength(value) !== value.length) return fieldValue.test(value)
  return !(value.includes('\n') || value.includes('\r') || value.includes('\0'))
}
