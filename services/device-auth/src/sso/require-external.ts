import { ReportedError } from '@onbehalf/errors'
import type { AuditEvent } from '@onbehalf/service-kit'
import { deviceEvent } from '../audit/event.ts'
import type { Flow } from '../device-code/store.ts'
import { type Users, userOrNobody } from '../users/find.ts'

/** Whom an IdP identified. */
export type Subject = { tenant_id: string; user_id: string; subject_email: string; subject_issuer: string }

type Asking = { subject: Subject; flow: Flow; ip: string; request_id: string }

/**
 * Asks now whether somebody still is a person without a role at that IdP, whose e-mail no member has. Throws
 * `email_belongs_to_member`, on record: members sign devices in as what they are. What cannot be known is a no.
 */
export const requireExternal = async (
  { subject, flow, ip, request_id }: Asking,
  { users, record }: { users: Pick<Users, 'ask'>; record: (event: AuditEvent) => Promise<void> }
): Promise<void> => {
  const { tenant_id, user_id, ...shown } = subject
  const found = await userOrNobody(users.ask({ tenant_id, user_id }))
  if (found?.issuer !== subject.subject_issuer)
    throw new ReportedError('invalid_session', 'Who signed in is not known any more. Start again.')
  if (found.role === null && found.email_belongs_to_member === false) return
  const { client_id, device_label } = flow
  const details = { ...shown, reason: 'email_belongs_to_member', client_id, device_label }
  const facts = { tenant_id, actor_user_id: user_id, ip, request_id, details }
  await record(deviceEvent({ event: 'oauth.device_flow_rejected', ...facts }))
  throw new ReportedError(
    'email_belongs_to_member',
    'This e-mail address belongs to a member. Sign in with that account instead of single sign-on.'
  )
}
