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
