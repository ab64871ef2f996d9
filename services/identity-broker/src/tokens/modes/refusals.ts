import { ReportedError } from '@onbehalf/errors'
import { RefreshFailure } from '@onbehalf/lease'
import type { Grant } from '../../database.ts'
import type { MintRequest } from './mode.ts'

type Asked = Pick<MintRequest, 'connectUrl'>

/** Nothing is stored, or nothing for this server: the user signs in once more. */
export const signIn = (code: 'no_refresh_token' | 'resource_not_granted', why: string, { connectUrl }: Asked) =>
  new ReportedError(code, `${why} Please sign in again at the connect_url.`, { connect_url: connectUrl })

/** What was stored no longer holds. */
export const refused = ({ connectUrl }: Asked, cause?: unknown) =>
  new ReportedError(
    'identity_refresh_rejected',
    'The identity provider no longer accepts what was stored. Please sign in again at the connect_url.',
    { connect_url: connectUrl, cause }
  )

/** Why none of the grants `held` is alive. */
export const noneAlive = (held: Grant[], request: Asked) =>
  held.length === 0 ? signIn('no_refresh_token', 'Nothing is stored to act as this user.', request) : refused(request)

/** What a caller is told of a refresh that failed. */
export const explainRefresh = (error: unknown, request: Asked): unknown => {
  if (!(error instanceof RefreshFailure)) return error
  if (error.reason === 'dead') return refused(request, error)
  return new ReportedError('identity_provider_unavailable', 'The identity provider does not answer. Try again.', {
    cause: error,
    retry_after_seconds: Math.max(1, error.retryAfterSeconds)
  })
}
