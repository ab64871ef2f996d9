/** Why no token could be had: the refresh token is `dead`, or the server is `unavailable` for now. */
export class RefreshFailure extends Error {
  readonly reason: 'dead' | 'unavailable'
  readonly retryAfterSeconds: number

  constructor(reason: 'dead' | 'unavailable', retryAfterSeconds: number, cause?: unknown) {
    super(reason === 'dead' ? 'the refresh token no longer holds' : 'no token can be had right now', { cause })
    this.name = 'RefreshFailure'
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export const dead = (cause?: unknown) => new RefreshFailure('dead', 0, cause)

/** Rounded up to whole seconds, at least one. */
export const unavailable = (retryAfterMs: number, cause?: unknown) =>
  new RefreshFailure('unavailable', Math.max(1, Math.ceil(retryAfterMs / 1000)), cause)
