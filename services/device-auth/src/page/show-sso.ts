import { ReportedError } from '@onbehalf/errors'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ApprovalTools, showApproval } from '../sso/approval.ts'
import { sendView } from './send.ts'

export type ShowSsoTools = ApprovalTools & { isSsoOpen: () => boolean }

/** What somebody is asked whom an IdP identified in this browser; undefined where nobody was, or it is too long ago. */
export const showSso = async (
  request: FastifyRequest,
  reply: FastifyReply,
  tools: ShowSsoTools
): Promise<FastifyReply | undefined> => {
  if (!tools.isSsoOpen() || !tools.cookies.approvalOf(request)) return undefined
  const approval = await showApproval(request, tools).catch(orNobody)
  if (!approval) return undefined
  const { flow, user_code, subject_email: email, subject_issuer: issuer, csrf_token: csrf } = approval
  if (!flow) throw new ReportedError('user_code_not_pending', 'This code has expired or was decided before.')
  return sendView(request, reply, { name: 'authorize_sso', user_code, flow, csrf, email, issuer })
}

const orNobody = (error: unknown): undefined => {
  if (error instanceof ReportedError && error.code === 'no_session') return undefined
  throw error
}
