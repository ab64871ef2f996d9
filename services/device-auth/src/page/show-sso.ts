import { ReportedError } from '@onbehalf/errors'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type FreshTools, requireFresh, type SignInPath } from '../settings/require-fresh.ts'
import { type ApprovalTools, showApproval } from '../sso/approval.ts'
import { type Kept, orKeepCode } from './kept.ts'
import { ssoPath } from './paths.ts'
import { sendView } from './send.ts'

export type ShowSsoTools = ApprovalTools & FreshTools & { isSsoOpen: () => boolean }

/** What somebody is asked whom an IdP identified in this browser; undefined where nobody was, or it is too long ago. */
export const showSso = async (
  request: FastifyRequest,
  reply: FastifyReply,
  tools: ShowSsoTools & { kept: Kept }
): Promise<FastifyReply | undefined> => {
  if (!tools.isSsoOpen() || !tools.cookies.approvalOf(request)) return undefined
  const approval = await showApproval(request, tools).catch(orNobody)
  if (!approval) return undefined
  const { flow, signedIn, shown } = approval
  const { user_code, subject_email: email, subject_issuer: issuer, csrf_token: csrf } = shown
  if (!flow) throw new ReportedError('user_code_not_pending', 'This code has expired or was decided before.')
  await requireFresh(signedIn, ssoAgain, tools).catch(orKeepCode(tools.kept, reply, user_code))
  return sendView(request, reply, { name: 'authorize_sso', user_code, flow, csrf, email, issuer })
}

/** For whom an IdP identified. */
export const ssoAgain: SignInPath = (asked) => `${ssoPath}?${new URLSearchParams(asked)}`

const orNobody = (error: unknown): undefined => {
  if (error instanceof ReportedError && error.code === 'no_session') return undefined
  throw error
}
