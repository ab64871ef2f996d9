/** What goes wrong on the way to a server's authorization server and back. */
export const authorizationErrors = [
  ...(['conflict', 'policy_denied', 'access_denied', 'not_found', 'sign_in_failed', 'user_required'] as const),
  ...(['audience_not_supported', 'upstream_authorization_required', 'upstream_insufficient_scope'] as const),
  ...(['upstream_error', 'upstream_timeout', 'upstream_unavailable', 'upstream_unauthorized'] as const)
] as const
