import { ReportedError } from '@onbehalf/errors'
import { headerMismatchCode, type ResponseHeaders, type RpcError } from './protocol.ts'

const messageLengthMax = 1_000

/** The server answered 401. The caller decides: ask for identity, mint anew, or give up. */
export class UpstreamUnauthorized extends ReportedError {
  readonly wwwAuthenticate: string | undefined
  /** True when nothing but the 401 was received, so the request was not worked on and may be made again. */
  readonly isOnlyAnswer: boolean

  constructor(wwwAuthenticate: string | undefined, isOnlyAnswer: boolean) {
    super('upstream_unauthorized', 'The MCP server does not accept the credential it was given, or wants one.')
    this.name = 'UpstreamUnauthorized'
    this.wwwAuthenticate = wwwAuthenticate
    this.isOnlyAnswer = isOnlyAnswer
  }
}

/** The error object of a JSON-RPC answer, the cause of an `upstream_error`. */
export class McpServerError extends Error {
  readonly code: number
  readonly data: unknown
  readonly status: number

  constructor({ code, message, data }: RpcError, status: number) {
    super(message.slice(0, messageLengthMax))
    this.name = 'McpServerError'
    this.code = code
    this.data = data
    this.status = status
  }
}

/** Whether the server refused to look at a request, because its headers are not as its body and the tool want them. */
export const isHeaderMismatch = (error: unknown): boolean =>
  error instanceof ReportedError && error.cause instanceof McpServerError && error.cause.code === headerMismatchCode

/** A status without a JSON-RPC answer, the cause of the error that tells of it. */
class HttpRefusal extends Error {
  readonly status: number

  constructor(status: number, message = `HTTP ${status}`) {
    super(message)
    this.name = 'HttpRefusal'
    this.status = status
  }
}

/** The HTTP status an error of this client tells of; null where the server gave none. */
export const upstreamStatusOf = (error: unknown): number | null => {
  for (let link = error; link instanceof Error; link = link.cause) {
    if (link instanceof UpstreamUnauthorized) return 401
    if (link instanceof HttpRefusal || link instanceof McpServerError) return link.status
  }
  return null
}

export const serverError = (error: RpcError, status: number): ReportedError => {
  const cause = new McpServerError(error, status)
  const details = [
    { path: 'code', message: String(error.code) },
    { path: 'message', message: cause.message }
  ]
  return new ReportedError('upstream_error', 'The MCP server answered with an error.', { cause, details })
}

export const malformed = (what: string, cause?: unknown): ReportedError =>
  new ReportedError('upstream_error', `The MCP server's answer cannot be used: ${what}.`, { cause })

export const unavailable = (cause: unknown, retryAfterSeconds?: number): ReportedError =>
  new ReportedError('upstream_unavailable', 'The MCP server cannot be reached or is not working.', {
    cause,
    ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds })
  })

export const timedOut = (cause?: unknown): ReportedError =>
  new ReportedError('upstream_timeout', 'The MCP server did not answer in time.', { cause })

/** For an answer that has to be held, while too many others are. Not `unavailable`: what is said to be tried again would be done twice. */
export const noRoom = (): ReportedError =>
  new ReportedError(
    'upstream_error',
    'The MCP server answered, and its answer is too large for what is held of others right now. What was asked for may have been done.'
  )

export const headerOf = (headers: ResponseHeaders, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** The status alone, where no JSON-RPC answer came with it. */
export const refusal = (status: number, headers: ResponseHeaders): ReportedError => {
  const cause = new HttpRefusal(status)
  if (status === 429 || status >= 500) return unavailable(cause, retryAfter(headers))
  if (status >= 300 && status < 400) return malformed('it redirects, and redirects are not followed', cause)
  if (status < 300) return malformed('it is neither JSON nor an event stream', cause)
  return new ReportedError('upstream_error', `The MCP server refused the request with HTTP ${status}.`, { cause })
}

/** The server answered 403 and wants a token with more rights. RFC 6750 §3.1: the scope attribute names them. */
export class UpstreamInsufficientScope extends ReportedError {
  readonly wwwAuthenticate: string

  constructor(wwwAuthenticate: string) {
    const scope = /\bscope="([^"]{1,1000})"/i.exec(wwwAuthenticate)?.[1]
    super('upstream_insufficient_scope', 'The MCP server wants more rights than the token carries.', {
      details: scope === undefined ? [] : [{ path: 'scope', message: scope }],
      cause: new HttpRefusal(403, wwwAuthenticate.slice(0, messageLengthMax))
    })
    this.name = 'UpstreamInsufficientScope'
    this.wwwAuthenticate = wwwAuthenticate
  }
}

const retryAfterMax = 3_600

const retryAfter = (headers: ResponseHeaders): number | undefined => {
  const seconds = Number(headerOf(headers, 'retry-after'))
  return Number.isInteger(seconds) && seconds >= 0 ? Math.min(seconds, retryAfterMax) : undefined
}
