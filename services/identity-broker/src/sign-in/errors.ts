/** What goes wrong on the way to an IdP and back. */
export const signInErrors = [
  ...(['sign_in_failed', 'policy_denied', 'conflict', 'not_found', 'expired_or_unknown'] as const),
  ...(['identity_provider_unavailable', 'upstream_error', 'upstream_timeout'] as const)
] as const
