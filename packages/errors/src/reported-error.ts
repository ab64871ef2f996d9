import { saysAway } from './away.ts'
import { type ErrorCode, statusByCode } from './codes.ts'

/** One fault in the input: where it is (JSON Pointer or a field's name) and what is wrong with it. */
export type ErrorDetail = { path: string; message: string }

/** What may go with an error to its reader. Nothing here is secret. */
export type ErrorExtras = {
  details?: ErrorDetail[]
  /** Where the user signs in again so that the call can be made. */
  connect_url?: string
  /** Where the user gives consent at the MCP server's own authorization server. */
  authorize_url?: string
  /** Whole seconds until it makes sense to try again. */
  retry_after_seconds?: number
}

/**
 * The only error whose words leave a service. `message` is safe for the caller to read; the truth, for the log,
 * is in `cause`. Anything else that is thrown becomes `internal` with its text withheld.
 */
export class ReportedError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly extras: ErrorExtras

  /** `status` only where one family of callers must see another one than the table's. */
  constructor(
    code: ErrorCode,
    message: string,
    { cause, status = statusByCode[code], ...extras }: ErrorExtras & { cause?: unknown; status?: number } = {}
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ReportedError'
    this.code = code
    this.status = status
    this.extras = extras
  }
}

/**
 * The error to tell a caller of, whatever was thrown: a `ReportedError` as it is, `unavailable` when one of our own
 * servers is away, anything else as `internal`.
 */
export const toReported = (thrown: unknown): ReportedError => {
  if (thrown instanceof ReportedError) return thrown
  if (saysAway(thrown))
    return new ReportedError('unavailable', 'Something we depend on is away right now. Try again shortly.', {
      cause: thrown,
      retry_after_seconds: 2
    })
  return new ReportedError(
    'internal',
    'Something went wrong on our side. Try again; if it stays, give the request id.',
    {
      cause: thrown
    }
  )
}
