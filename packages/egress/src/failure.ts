import { ReportedError } from '@onbehalf/errors'
import type { CallSignal } from './signal.ts'

/** `no`: surely no byte of the request reached a server. `unknown`: it may have been received and acted on. */
export type Sent = 'no' | 'unknown'

/** The cause of every error that egress reports: the truth for the log, and whether the request may have arrived. */
export class EgressFailure extends Error {
  readonly sent: Sent

  constructor(message: string, sent: Sent, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'EgressFailure'
    this.sent = sent
  }
}

/** A destination that the guard does not let us connect to. Its message may name internal addresses: never for callers. */
export class Refusal extends Error {
  readonly reason: 'address' | 'plain_http' | 'downgrade'

  constructor(reason: Refusal['reason'], message: string) {
    super(message)
    this.name = 'Refusal'
    this.reason = reason
  }
}

/** What went wrong with an answer after its head arrived, in words that a caller may read. */
export class AnswerFault extends Error {
  override name = 'AnswerFault'
}

export class DeadlinePassed extends Error {
  override name = 'DeadlinePassed'
}

/**
 * Whether a failed call may have been acted on. `no` covers blocked and unknown hosts, refused connections, connect
 * timeouts and failed TLS handshakes; everything else, also what egress did not throw, is `unknown`.
 */
export const wasSent = (error: unknown): Sent => {
  for (let link = error; link instanceof Error; link = link.cause) if (link instanceof EgressFailure) return link.sent
  return 'unknown'
}

const refusalText: Record<Refusal['reason'], (host: string) => string> = {
  address: (host) =>
    `"${host}" is not an address that may be called. An administrator can allow its address and port in EGRESS_ALLOW.`,
  plain_http: (host) => `A call that carries a credential needs https; "${host}" was given with http.`,
  downgrade: (host) => `The answer redirected from https to http at "${host}"; that is not followed.`
}

const timeouts = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
const badInputs = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'])

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

const isTimeout = (error: unknown): boolean =>
  error instanceof DeadlinePassed ||
  timeouts.has(codeOf(error)) ||
  (error instanceof DOMException && error.name === 'TimeoutError')

// Of the HTTP parser and of the three decoders; brotli's begin with two underscores.
const isUnreadable = (code: string): boolean =>
  /^(HPE_|Z_|ERR__|ZSTD_)/.test(code) || code === 'UND_ERR_HEADERS_OVERFLOW'

const isParserError = (error: unknown): boolean => error instanceof Error && error.name === 'HTTPParserError'

const isTlsFailure = (code: string): boolean => /CERT|ERR_SSL|ERR_TLS|EPROTO/.test(code)

/** The one error for whatever failed while `host` was called. */
export const toEgressError = (error: unknown, host: string, sent: Sent): ReportedError => {
  if (error instanceof ReportedError) return error
  const code = codeOf(error)
  // undici's parser error carries the bytes it could not read, which may hold a token: its text is enough.
  const origin = isParserError(error) ? undefined : error
  const text = error instanceof Error ? error.message : String(error)
  const cause = new EgressFailure(`${host}: ${code} ${text}`, sent, origin)
  if (error instanceof Refusal) return new ReportedError('policy_denied', refusalText[error.reason](host), { cause })
  if (error instanceof AnswerFault) return new ReportedError('upstream_error', `"${host}" ${error.message}.`, { cause })
  if (isTimeout(error)) return new ReportedError('upstream_timeout', `"${host}" did not answer in time.`, { cause })
  if (badInputs.has(code))
    return new ReportedError('invalid_request', `The request to "${host}" is not valid.`, { cause })
  if (isUnreadable(code) || isParserError(error))
    return new ReportedError('upstream_error', `"${host}" did not answer in readable HTTP.`, { cause })
  if (isTlsFailure(code))
    return new ReportedError('upstream_unavailable', `"${host}" has no valid TLS certificate.`, { cause })
  return new ReportedError('upstream_unavailable', `"${host}" could not be reached.`, { cause })
}

/** What a call rejects with: its own reason where somebody gave it up, though not because its time was over. */
export const explain = (
  error: unknown,
  { hostname, signal }: { hostname: string; signal: CallSignal | undefined },
  sent: Sent
): unknown => {
  const isGivenUp = signal?.aborted === true && error === signal.reason
  const isTimeout = error instanceof DOMException && error.name === 'TimeoutError'
  return isGivenUp && !isTimeout ? error : toEgressError(error, hostname, sent)
}
