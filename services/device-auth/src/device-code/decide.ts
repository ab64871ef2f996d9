import type { UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type AuditDetails, type AuditEvent, type Log, newId } from '@onbehalf/service-kit'
import { deviceEvent } from '../audit/event.ts'
import { kinds } from '../device-token/kinds.ts'
import { type FreshTools, memberSignIn, requireFresh } from '../settings/require-fresh.ts'
import { type FindTools, findFlow } from './find.ts'
import type { CodeStore, Decision, Flow } from './store.ts'

export type DecideTools = FindTools &
  FreshTools & {
    codes: Pick<CodeStore, 'decide'>
    record: (event: AuditEvent) => Promise<void>
  }

export type Asked = {
  user_code: string
  status: 'approved' | 'denied'
  user: Pick<UserPrincipal, 'tenant_id' | 'user_id'>
  /** When they signed in at their IdP, in seconds since the epoch; undefined where it did not say. */
  auth_time: number | undefined
  /** Where they come back to when they have to sign in again. */
  return_to: string
  ip: string
  request_id: string
  log: Log
}

/**
 * Approves or denies the flow of a code, once. What is kept is the decision and whose it is. Who signed in too long ago may
 * still deny.
 */
export const decide = async (asked: Asked, tools: DecideTools): Promise<{ status: Asked['status'] }> => {
  const { status, user, auth_time, return_to } = asked
  const found = await findFlow(asked.user_code, tools)
  if (!found) throw expiredOrUnknown()
  const { tenant_id, user_id } = user
  if (status === 'approved') await requireFresh({ tenant_id, auth_time }, memberSignIn(return_to), tools)
  const outcome = await settle({ codeHash: found.codeHash, status, marker: newId(), tenant_id, user_id }, tools.codes)
  if (outcome === 'missing') throw expiredOrUnknown()
  if (outcome === 'resolved') throw alreadyResolved()
  await noteDecision({ ...asked, flow: found.flow }, tools)
  return { status }
}

const expiredOrUnknown = () =>
  new ReportedError('expired_or_unknown', 'This code is not known or has expired. Start again on the device.')

const alreadyResolved = () =>
  new ReportedError('already_resolved', 'This code was approved or denied before. Start again on the device if needed.')

/** Asks again when the answer was lost: the marker tells whether it was us. */
export const settle = async (decision: Decision, codes: Pick<CodeStore, 'decide'>) => {
  const first = await codes.decide(decision).catch(() => undefined)
  if (first) return first
  const second = await codes.decide(decision).catch(unknownOutcome)
  // A flow that is gone now may have been ours and been taken by its device meanwhile.
  return second === 'missing' ? unknownOutcome() : second
}

const unknownOutcome = (cause?: unknown): never => {
  throw new ReportedError('approval_outcome_unknown', 'It is not known whether this was stored. Look at the device.', {
    cause
  })
}

/** `subject`: what is told of somebody who is no member. */
type Decided = Omit<Asked, 'user_code' | 'auth_time' | 'return_to'> & { flow: Flow; subject?: AuditDetails }

/** Puts a decision on record. It stands already; a lost line of the audit is said loudly and does not take it back. */
export const noteDecision = async (
  { status, user: { tenant_id, user_id: actor_user_id }, flow, subject, ip, request_id, log }: Decided,
  { record }: Pick<DecideTools, 'record'>
): Promise<void> => {
  const event = `oauth.device_flow_${status}` as const
  const { subject_type, scopes } = subject ? kinds.dfoe_ : kinds.dfoa_
  const { client_id, device_label } = flow
  const details = { client_id, device_label, subject_type, ...subject, ...(status === 'approved' && { scopes }) }
  await record(deviceEvent({ event, tenant_id, actor_user_id, ip, request_id, details })).catch((error: unknown) =>
    log.error({ err: error, event, tenant_id, actor_user_id }, 'an audit event is lost')
  )
}
