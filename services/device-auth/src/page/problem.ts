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
  | 'not_fresh'
  | 'sso_failed'
  | 'sso_over'
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
  unauthenticated: 'signed_out',
  insufficient_user_authentication: 'not_fresh',
  // single sign-on
  invalid_user_code: 'expired',
  user_code_not_pending: 'expired',
  state_lost: 'expired',
  session_already_consumed: 'already_decided',
  csrf_mismatch: 'out_of_date',
  user_code_mismatch: 'out_of_date',
  no_session: 'sso_over',
  invalid_session: 'sso_over',
  email_belongs_to_member: 'sso_is_member',
  invalid_sso_assertion: 'sso_failed',
  sso_initiate_failed: 'sso_failed',
  sign_in_failed: 'sso_failed'
}

export const problemOf = ({ code }: Pick<ReportedError, 'code'>): Problem => problems[code] ?? 'lookup_failed'
