/**
 * Every code a caller may see, with its HTTP status. The words are the same on HTTP, NATS and MCP;
 * only the rendering differs.
 */
export const statusByCode = {
  // the caller
  invalid_request: 400,
  user_required: 400,
  unauthenticated: 401,
  invalid_bearer: 401,
  // RFC 9470 §3
  insufficient_user_authentication: 401,
  forbidden: 403,
  policy_denied: 403,
  csrf_rejected: 403,
  not_found: 404,
  conflict: 409,
  outcome_unknown: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  invalid_arguments: 422,
  too_many_requests: 429,
  // nobody reads it: the caller closed the connection before the answer
  cancelled: 499,
  // the identity to call with
  no_refresh_token: 428,
  resource_not_granted: 428,
  identity_refresh_rejected: 401,
  audience_not_allowed: 403,
  audience_not_supported: 403,
  identity_provider_unavailable: 503,
  // the MCP server
  upstream_authorization_required: 428,
  upstream_unauthorized: 502,
  upstream_rejected_identity: 502,
  upstream_insufficient_scope: 403,
  upstream_unavailable: 502,
  upstream_timeout: 504,
  upstream_error: 502,
  tool_not_approved: 403,
  // signing in
  sign_in_failed: 400,
  invalid_sso_assertion: 400,
  // the device flow (RFC 8628 §3.5 and the reference's own)
  authorization_pending: 400,
  slow_down: 400,
  access_denied: 400,
  expired_token: 400,
  unsupported_client: 400,
  unsupported_grant_type: 400,
  expired_or_unknown: 404,
  already_resolved: 409,
  // its single sign-on branch
  invalid_user_code: 400,
  user_code_mismatch: 400,
  no_session: 401,
  invalid_session: 401,
  session_already_consumed: 401,
  csrf_mismatch: 403,
  email_belongs_to_member: 403,
  user_code_not_pending: 409,
  state_lost: 409,
  sso_initiate_failed: 502,
  user_code_exhausted: 503,
  approval_outcome_unknown: 503,
  // us
  recording_unavailable: 503,
  unavailable: 503,
  internal: 500
} as const

export type ErrorCode = keyof typeof statusByCode

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(statusByCode, value)
