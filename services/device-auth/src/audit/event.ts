import type { AuditDetails, AuditEvent } from '@onbehalf/service-kit'

type Facts = {
  event:
    | 'oauth.device_flow_approved'
    | 'oauth.device_flow_denied'
    | 'oauth.device_flow_rejected'
    | 'oauth.device_code_cross_ip_poll'
    | 'oauth.token_issued'
    | 'oauth.token_expired'
    | 'openapi.wrong_surface_denied'
  tenant_id: string
  /** Left out where nobody did it: time did. */
  actor_user_id?: string
  /** Left out while there is no token yet: then it is about the flow. */
  token_id?: string
  ip?: string
  request_id?: string
  details?: AuditDetails
}

/** What happened to a device's sign-in or token, in the words of the reference. */
export const deviceEvent = ({ event, actor_user_id, token_id, ...rest }: Facts): AuditEvent => ({
  ...rest,
  action: event,
  actor: actor_user_id === undefined ? { kind: 'system' } : { kind: 'user', id: actor_user_id },
  subject: token_id === undefined ? { kind: 'device_flow' } : { kind: 'device_token', id: token_id }
})
