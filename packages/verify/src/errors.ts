/** What went wrong, as RFC 6750 §3.1, RFC 9470 §3 and the library itself name it. */
export type VerifyErrorCode =
  /** No bearer token was sent. */
  | 'missing_token'
  /** The token is not one that counts here. */
  | 'invalid_token'
  /** The user signed in too long ago. */
  | 'insufficient_user_authentication'
  /** Whether it counts cannot be said now: the issuer's keys or the replay store cannot be reached. */
  | 'unavailable'

const statusOf: Readonly<Record<VerifyErrorCode, 401 | 503>> = {
  missing_token: 401,
  invalid_token: 401,
  insufficient_user_authentication: 401,
  unavailable: 503
}

const sentenceOf: Readonly<Record<VerifyErrorCode, string>> = {
  missing_token: 'Send an access token as Authorization: Bearer.',
  invalid_token: 'The access token is not valid here.',
  insufficient_user_authentication: 'The user has to sign in again.',
  unavailable: 'Access tokens cannot be checked right now. Try again.'
}

/** A request that is not let through. `message` may be shown to anybody; `reason` and `cause` are for the log. */
export class VerifyError extends Error {
  readonly code: VerifyErrorCode
  readonly reason: string
  /** Seconds since the sign-in that are still accepted, where the code is `insufficient_user_authentication`. */
  readonly max_age: number | undefined

  constructor(code: VerifyErrorCode, reason: string, options: ErrorOptions & { max_age?: number } = {}) {
    super(sentenceOf[code], options)
    this.name = 'VerifyError'
    this.code = code
    this.reason = reason
    this.max_age = options.max_age
  }

  /** The HTTP status of the refusal. */
  get status(): 401 | 503 {
    return statusOf[this.code]
  }
}

export const invalid = (reason: string, cause?: unknown): VerifyError =>
  new VerifyError('invalid_token', reason, { cause })

export const unavailable = (reason: string, cause?: unknown): VerifyError =>
  new VerifyError('unavailable', reason, { cause })
