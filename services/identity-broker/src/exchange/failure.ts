import { ReportedError } from '@onbehalf/errors'
import { type Answered, bodyOf, errorIn, retryAfterMs, toldBy } from '../connections/token-endpoint.ts'

/** Who was asked, at the beginning of a sentence. */
export type Asked = 'The identity provider' | 'The authorization server of this server'

type Words = { code: 'audience_not_supported' | 'policy_denied'; why: string }

const refusedHere: Words = { code: 'policy_denied', why: 'does not let this user be acted for at this server' }

// RFC 6749 §5.2, RFC 8693 §2.2.2. What an administrator has to change is no reason to ask again.
const refusals: Readonly<Record<string, Words>> = {
  invalid_target: {
    code: 'audience_not_supported',
    why: 'gives no token for this server. An administrator can allow it there, or choose another identity_mode'
  },
  unsupported_grant_type: {
    code: 'audience_not_supported',
    why: 'does not take this kind of request. An administrator can choose another identity_mode'
  },
  unauthorized_client: {
    code: 'policy_denied',
    why: 'does not allow our client this kind of request. An administrator can allow it there'
  }
}

const [busyMs, troubleMs, misconfiguredMs] = [5_000, 5_000, 60_000]

/** What is said of an answer that is none: to come back later, or not at all. No grant ends with it. */
export const failureOf = (asked: Asked, answered: Answered, now: number): ReportedError => {
  const body = bodyOf(answered)
  const [error, cause] = [errorIn(body), toldBy(answered, body)]
  const { status } = answered
  if (status === 429) return away(asked, cause, retryAfterMs(answered, now) ?? busyMs)
  if (status >= 500) return away(asked, cause, retryAfterMs(answered, now) ?? troubleMs)
  if (status === 401 || error === 'invalid_client') return misconfigured(asked, cause)
  const { code, why } = (error !== undefined && Object.hasOwn(refusals, error) && refusals[error]) || refusedHere
  return new ReportedError(code, `${asked} ${why}.`, { cause })
}

/** What is said where no answer came: nobody is there, or we may not go there, which is said as it is. */
export const unreached = (asked: Asked, cause: unknown): ReportedError =>
  cause instanceof ReportedError && cause.code === 'policy_denied' ? cause : away(asked, cause)

export const away = (asked: Asked, cause: unknown, waitMs = troubleMs): ReportedError =>
  new ReportedError('identity_provider_unavailable', `${asked} does not answer. Try again.`, {
    cause,
    retry_after_seconds: Math.max(1, Math.ceil(waitMs / 1000))
  })

const misconfigured = (asked: Asked, cause: unknown) =>
  new ReportedError('identity_provider_unavailable', `${asked} refuses our client. An administrator must check it.`, {
    cause,
    retry_after_seconds: misconfiguredMs / 1000
  })

/** What an answer held instead of what was asked for. */
export const unfit = (asked: Asked, what: string, code: Words['code'] = 'audience_not_supported'): ReportedError =>
  new ReportedError(code, `${asked} ${what}.`)
