import { ReportedError } from '@onbehalf/errors'
import { RefreshFailure } from '@onbehalf/lease'

/** Nothing is stored, or nothing for this server: the user signs in once more. */
export const signIn = (code: 'no_refresh_token' | 'resource_not_granted', why: string) =>
  new ReportedError(code, `${why} Please sign in again at the connect_url.`)

/** What was stored no longer holds. */
export const refused = (cause?: unknown) =>
  new ReportedError(
    'identity_refresh_rejected',
    'What was stored to act as this user has ended. Please sign in again at the connect_url.',
    { cause }
  )

/** Why none of the grants `held` is alive. */
export const noneAlive = (held: readonly unknown[]) =>
  held.length === 0 ? signIn('no_refresh_token', 'Nothing is stored to act as this user.') : refused()

/** What a caller is told of a refresh that failed. */
export const explainRefresh = (error: unknown): unknown => {
  if (!(error instanceof RefreshFailure)) return error
  if (error.reason === 'dead') return refused(error)
  return new ReportedError('identity_provider_unavailable', 'The identity provider does not answer. Try again.', {
    cause: error,
    retry_after_seconds: Math.max(1, error.retryAfterSeconds)
  })
}
