import { type ErrorCode, ReportedError } from '@onbehalf/errors'

const signInAgain: ReadonlySet<ErrorCode> = new Set([
  'no_refresh_token',
  'resource_not_granted',
  'identity_refresh_rejected'
])
const retrySeconds = 5

/**
 * An error as REST callers see it. Where signing in again helps it is 428 with the link, also for the broker's 401,
 * which would be read as the caller's own credential being refused.
 */
export const refusalFor = (thrown: unknown, publicUrl: string): unknown => {
  if (!(thrown instanceof ReportedError)) return thrown
  const { code, message, extras } = thrown
  if (signInAgain.has(code)) {
    // Only the broker's own link names anything; the page itself says what to do without one.
    const connect_url = extras.connect_url ?? `${publicUrl}/connect`
    return new ReportedError(code, message, { ...extras, connect_url, status: 428, cause: thrown })
  }
  const saysWhen = code !== 'identity_provider_unavailable' || extras.retry_after_seconds !== undefined
  if (saysWhen) return thrown
  return new ReportedError(code, message, { ...extras, retry_after_seconds: retrySeconds, cause: thrown })
}
