import { ReportedError } from '@onbehalf/errors'
import type { FastifyRequest } from 'fastify'
import { describeFlow, findByHash } from '../device-code/find.ts'
import type { CodeStore } from '../device-code/store.ts'
import { hashUserCode } from '../device-code/user-code.ts'
import type { SsoCookies } from './cookies.ts'
import type { ApprovalGrant, GrantStore } from './grant-store.ts'

export type ApprovalTools = {
  cookies: Pick<SsoCookies, 'approvalOf'>
  grants: Pick<GrantStore, 'find'>
  codes: Pick<CodeStore, 'findByUserCode' | 'read'>
  userCodeKey: string
}

/** What this browser may approve; undefined where it may nothing, or no longer. */
export const findApproval = async (
  request: FastifyRequest,
  { cookies, grants }: Pick<ApprovalTools, 'cookies' | 'grants'>
): Promise<ApprovalGrant | undefined> => {
  const id = cookies.approvalOf(request)
  return id ? grants.find(id) : undefined
}

/** What somebody is shown before they approve as whom an IdP identified. Nothing is used up. Throws `no_session`. */
export const showApproval = async (request: FastifyRequest, tools: ApprovalTools) => {
  const grant = await findApproval(request, tools)
  if (!grant) throw new ReportedError('no_session', 'This single sign-on has ended. Start it again.')
  const { subject_email, subject_issuer, user_code, csrf_token, expires_at, tenant_id, auth_time } = grant
  const found = await findByHash(hashUserCode(user_code, tools.userCodeKey), tools.codes)
  const flow = found?.flow.status === 'pending' ? describeFlow({ user_code, ...found }) : undefined
  const until = new Date(expires_at).toISOString()
  const shown = { subject_email, subject_issuer, user_code, csrf_token, expires_at: until }
  return { shown, flow, signedIn: { tenant_id, auth_time } }
}
