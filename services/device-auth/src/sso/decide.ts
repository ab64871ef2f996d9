import { ReportedError } from '@onbehalf/errors'
import { isFromUs, isSameSecret } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'
import { type DecideTools, noteDecision, settle } from '../device-code/decide.ts'
import { findByHash } from '../device-code/find.ts'
import { hashUserCode, readUserCode } from '../device-code/user-code.ts'
import type { Budgets } from '../limits/budgets.ts'
import { type FreshTools, requireFresh, type SignInPath } from '../settings/require-fresh.ts'
import type { Users } from '../users/find.ts'
import { type ApprovalTools, findApproval } from './approval.ts'
import type { ApprovalGrant } from './grant-store.ts'
import type { Nonces } from './nonce-store.ts'
import { requireExternal } from './require-external.ts'

export type SsoDecideTools = ApprovalTools &
  FreshTools &
  Pick<DecideTools, 'codes' | 'record'> & {
    budgets: Pick<Budgets, 'external'>
    nonces: Nonces
    users: Pick<Users, 'ask'>
  }

/** `csrf_token` as the page was given it, in a header or a field of its form; `signIn` leads to a fresh single sign-on. */
export type SsoDecision = {
  user_code: string
  csrf_token: string | undefined
  status: 'approved' | 'denied'
  signIn: SignInPath
}

/** Decides as whom an IdP identified in this browser, once; asked again for the same, the answer is the same. */
export const decideBySso = async (
  request: FastifyRequest,
  { user_code, csrf_token, status, signIn }: SsoDecision,
  tools: SsoDecideTools
): Promise<{ status: SsoDecision['status'] }> => {
  const grant = await findApproval(request, tools)
  if (!grant) throw new ReportedError('invalid_session', 'This single sign-on has ended. Start it again.')
  await tools.budgets.external(grant)
  const isMeant = csrf_token !== undefined && isSameSecret(csrf_token, grant.csrf_token)
  if (!isMeant || !isFromUs(request, tools.publicUrl))
    throw new ReportedError('csrf_mismatch', 'Repeat the csrf_token of approval-context in X-CSRF-Token.')
  if (readUserCode(user_code) !== grant.user_code)
    throw new ReportedError('user_code_mismatch', 'This is not the code that the single sign-on was for. Start again.')
  const { flow, codeHash } = await findDecidable(grant, tools)
  const { ip, id: request_id, log } = request
  const asking = { subject: subjectOf(grant), flow, ip, request_id }
  if (status === 'approved') {
    await requireFresh(grant, signIn, tools)
    await requireExternal(asking, tools)
  }
  await settleOnce(grant, { codeHash, status }, tools)
  const subject = { subject_type: 'external_sso', subject_issuer: grant.subject_issuer }
  await noteDecision({ ...asking, status, user: grant, subject, log }, tools)
  return { status }
}

const subjectOf = ({ tenant_id, user_id, subject_email, subject_issuer }: ApprovalGrant) => ({
  ...{ tenant_id, user_id, subject_email, subject_issuer }
})

/** One grant decides one way. What may have been stored is not let go: it can only be asked for again. */
const settleOnce = async (
  grant: ApprovalGrant,
  { codeHash, status }: { codeHash: string; status: SsoDecision['status'] },
  { nonces, codes }: SsoDecideTools
): Promise<void> => {
  const { tenant_id, user_id, subject_issuer } = grant
  // The same for every repetition, so that one whose answer was lost is known again.
  const [nonce, marker] = [`approval:${grant.nonce}`, `sso:${grant.nonce}:${status}`]
  if (!(await nonces.reserve(nonce, marker)))
    throw new ReportedError('session_already_consumed', 'This single sign-on decided before. Start it again.')
  const outcome = await settle({ codeHash, status, marker, tenant_id, user_id, subject_issuer }, codes)
  if (outcome === 'done') return
  await nonces.release(nonce, marker)
  throw outcome === 'missing' ? stateLost() : notPending(409)
}

const findDecidable = async ({ user_code }: ApprovalGrant, { codes, userCodeKey }: SsoDecideTools) => {
  const found = await findByHash(hashUserCode(user_code, userCodeKey), codes)
  if (found) return found
  throw notPending(404)
}

const notPending = (status: 404 | 409) =>
  new ReportedError('user_code_not_pending', 'This code has expired or was decided before.', { status })

const stateLost = () => new ReportedError('state_lost', 'The code expired while it was decided. Start again.')
