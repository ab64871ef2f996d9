import { randomBytes } from 'node:crypto'
import { type ExternalSubject, externalSubjectAssertion } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type FindKey, verifyTicket } from '@onbehalf/rpc'
import { type AuditEvent, hashOf, newId } from '@onbehalf/service-kit'
import { findByHash } from '../device-code/find.ts'
import type { CodeStore } from '../device-code/store.ts'
import { hashUserCode } from '../device-code/user-code.ts'
import type { Users } from '../users/find.ts'
import { approvalSeconds } from './cookies.ts'
import type { GrantStore } from './grant-store.ts'
import type { Nonces } from './nonce-store.ts'
import { requireExternal } from './require-external.ts'

export type CompleteTools = {
  codes: Pick<CodeStore, 'findByUserCode' | 'read'>
  grants: Pick<GrantStore, 'keep'>
  nonces: Nonces
  users: Pick<Users, 'ask'>
  record: (event: AuditEvent) => Promise<void>
  findBrokerKey: FindKey
  userCodeKey: string
}

/** What came back: identity-broker's assertion, and what this browser holds for its nonce. */
export type Came = {
  assertion: string
  heldFor: (nonce: string) => string | undefined
  ip: string
  request_id: string
}

/**
 * Lets whom an IdP identified approve the code that this very browser asked for: the id of what they may approve. An
 * assertion works once. Throws `invalid_sso_assertion`, `user_code_not_pending` and `email_belongs_to_member`.
 */
export const completeSso = async (came: Came, tools: CompleteTools): Promise<{ id: string; nonce: string }> => {
  const subject = await readAssertion(came.assertion, tools.findBrokerKey)
  const { nonce } = subject
  const user_code = codeOf(came.heldFor(nonce), subject, tools.userCodeKey)
  const holder = newId()
  if (!(await tools.nonces.reserve(nonce, holder))) throw invalid(new Error('used before'))
  try {
    return { id: await admit(subject, user_code, came, tools), nonce }
  } catch (error) {
    await tools.nonces.release(nonce, holder)
    throw error
  }
}

const readAssertion = (assertion: string, findKey: FindKey): Promise<ExternalSubject> =>
  verifyTicket(externalSubjectAssertion, assertion, { findKey }).catch((cause: unknown) => {
    throw cause instanceof ReportedError && cause.code === 'policy_denied' ? invalid(cause) : cause
  })

/** The code that the flow of this assertion is about, from the browser that began it. */
const codeOf = (held: string | undefined, subject: ExternalSubject, userCodeKey: string): string => {
  const user_code = held?.split('.')[1]
  const isOurs = held !== undefined && hashOf(held) === subject.nonce
  if (isOurs && user_code && hashUserCode(user_code, userCodeKey) === subject.user_code_hash) return user_code
  throw invalid(new Error('of another browser or flow'))
}

const admit = async (
  { tenant_id, user_id, email, issuer, user_code_hash, nonce, auth_time }: ExternalSubject,
  user_code: string,
  came: Came,
  tools: CompleteTools
): Promise<string> => {
  const found = await findByHash(user_code_hash, tools.codes)
  if (found?.flow.status !== 'pending')
    throw new ReportedError('user_code_not_pending', 'This code has expired or was decided. Start again on the device.')
  const subject = { tenant_id, user_id, subject_email: email, subject_issuer: issuer }
  await requireExternal({ subject, flow: found.flow, ip: came.ip, request_id: came.request_id }, tools)
  const id = randomBytes(32).toString('base64url')
  const csrf_token = randomBytes(24).toString('base64url')
  const expires_at = Date.now() + approvalSeconds * 1000
  const signedIn = auth_time === undefined ? {} : { auth_time }
  await tools.grants.keep(id, { ...subject, ...signedIn, user_code, nonce, csrf_token, expires_at })
  return id
}

const invalid = (cause: unknown) =>
  new ReportedError('invalid_sso_assertion', 'The single sign-on did not end as it has to. Start again.', { cause })
