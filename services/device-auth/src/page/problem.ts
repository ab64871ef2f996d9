import type { ErrorCode, ReportedError } from '@onbehalf/errors'

/** What can stand in the way of a decision; each has its words in every language. */
export type Problem =
  | 'expired'
  | 'already_decided'
  | 'rate_limited'
  | 'lookup_failed'
  | 'outcome_unknown'
  | 'members_only'
  | 'out_of_date'
  | 'signed_out'
  | 'sso_failed'
  | 'sso_is_member'

/** What the page says of an error; anything else is our fault. */
const problems: Partial<Record<ErrorCode, Problem>> = {
  invalid_request: 'expired',
  expired_or_unknown: 'expired',
  already_resolved: 'already_decided',
  too_many_requests: 'rate_limited',
  approval_outcome_unknown: 'outcome_unknown',
  forbidden: 'members_only',
  csrf_rejected: 'out_of_date',
  unauthenticated: 'signed_out'
}

export const problemOf = ({ code }: Pick<ReportedError, 'code'>): Problem => problems[code] ?? 'lookup_failed'
