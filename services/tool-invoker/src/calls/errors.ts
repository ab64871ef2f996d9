import type { RouteError } from '@onbehalf/service-kit'

/** Why a call is not made, or brought nothing. */
export const callErrors: RouteError[] = [
  ...(['user_required', 'policy_denied', 'not_found', 'invalid_arguments', 'tool_not_approved'] as const),
  ...(['no_refresh_token', 'resource_not_granted', ['identity_refresh_rejected', 428]] as const),
  ...(['audience_not_allowed', 'audience_not_supported', 'identity_provider_unavailable'] as const),
  ...(['upstream_authorization_required', 'upstream_unauthorized', 'upstream_rejected_identity'] as const),
  ...(['upstream_insufficient_scope', 'upstream_unavailable', 'upstream_timeout', 'upstream_error'] as const),
  'recording_unavailable'
]
