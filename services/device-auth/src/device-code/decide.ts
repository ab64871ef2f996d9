import type { UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, type Log, newId } from '@onbehalf/service-kit'
import { deviceEvent } from '../audit/event.ts'
import { type FindTools, type FoundFlow, findFlow } from './find.ts'
import type { CodeStore, Decision } from './store.ts'

export type DecideTools = FindTools & {
  codes: Pick<CodeStore, 'decide'>
  record: (event: AuditEvent) => Promise<void>
}

export type Asked = {
  user_code: string
  status: 'approved' | 'denied'
  user: Pick<UserPrincipal, 'tenant_id' | 'user_id'>
  ip: string
  request_id: string
  log: Log
}

/** Approves or denies the flow of a code, once. What is kept is the decision and whose it is. */
export const decide = async (asked: Asked, tools: DecideTools): Promise<{ status: Asked['status'] }> => {
  const { status, user } = asked
  const found = await findFlow(asked.user_code, tools)
  if (!found) throw expiredOrUnknown()
  const { tenant_id, user_id } = user
  const outcome = await settle({ codeHash: found.codeHash, status, marker: newId(), tenant_id, user_id }, tools.codes)
  if (outcome === 'missing') throw expiredOrUnknown()
  if (outcome === 'resolved') throw alreadyResolved()
  await note(asked, found, tools)
  return { status }
}

const expiredOrUnknown = () =>
  new ReportedError('expired_or_unknown', 'This code is not known or has expired. Start again on the device.')

const alreadyResolved = () =>
  new ReportedError('already_resolved', 'This code was approved or denied before. Start again on the device if needed.')

/** Asks again when the answer was lost: the marker tells whether it was us. */
const settle = async (decision: Decision, codes: Pick<CodeStore, 'decide'>) => {
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

// The decision stands already; a lost line of the audit is said loudly and does not take it back.
const note = async (asked: Asked, { flow }: FoundFlow, { record }: DecideTools): Promise<void> => {
  const { status, user, ip, request_id, log } = asked
  const { client_id, device_label } = flow
  const event = `oauth.device_flow_${status}` as const
  const { tenant_id, user_id: actor_user_id } = user
  const facts = { event, tenant_id, actor_user_id, ip, request_id, details: { client_id, device_label } }
  await record(deviceEvent(facts)).catch((error: unknown) =>
    log.error({ err: error, event, tenant_id, actor_user_id }, 'an audit event is lost')
  )
}
