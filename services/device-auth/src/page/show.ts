import { type ErrorCode, ReportedError } from '@onbehalf/errors'
import { type FindVisitor, renewalPath, type Visitor } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describeFlow, type FindTools, type FoundFlow, findFlow } from '../device-code/find.ts'
import { type LookupTools, spendLookup } from '../limits/spend-lookup.ts'
import { type FreshTools, memberSignIn, requireFresh } from '../settings/require-fresh.ts'
import { memberOrNobody, type Users } from '../users/find.ts'
import type { Kept } from './kept.ts'
import { leaveFor } from './leave-for.ts'
import { choosePath, otherAccountPath, pagePath } from './paths.ts'
import { sendView } from './send.ts'
import { type ShowSsoTools, showSso } from './show-sso.ts'

export type ShowTools = FindTools &
  FreshTools &
  LookupTools & {
    findVisitor: FindVisitor
    users: Pick<Users, 'find'>
    kept: Kept
    failure: Kept
    sso: ShowSsoTools
  }

/** What somebody at `/device` sees: the code to type, or what they are asked to approve. */
export const show = async (request: FastifyRequest, reply: FastifyReply, tools: ShowTools): Promise<FastifyReply> => {
  refuseIfFailed(request, reply, tools)
  const bySso = await showSso(request, reply, { ...tools.sso, kept: tools.kept })
  if (bySso) return bySso
  const code = tools.kept.read(request)
  if (code === undefined) return sendView(request, reply, { name: 'code_entry' })
  const visitor = await tools.findVisitor(request)
  const found = await findPending(code, { request, reply, visitor }, tools)
  if (visitor) return ask(request, reply, found, visitor, tools)
  return leaveFor(reply, `${renewalPath(choosePath)}&is_optional=true`)
}

/** What they see when they are not signed in, nor can be without their doing. */
export const choose = async (request: FastifyRequest, reply: FastifyReply, tools: ShowTools): Promise<FastifyReply> => {
  const code = tools.kept.read(request)
  if (code === undefined || (await tools.findVisitor(request))) return leaveFor(reply, pagePath)
  const { user_code, flow } = await findPending(code, { request, reply, visitor: undefined }, tools)
  const accountPath = renewalPath(pagePath, flow.tenant_hint)
  return sendView(request, reply, { name: 'chooser', user_code, accountPath, hasSso: tools.sso.isSsoOpen() })
}

const failures = ['email_belongs_to_member', 'invalid_sso_assertion', 'user_code_not_pending'] satisfies ErrorCode[]

/** Says once why single sign-on ended without anything to approve. */
const refuseIfFailed = (request: FastifyRequest, reply: FastifyReply, { failure }: ShowTools): void => {
  const told = failure.read(request)
  if (told === undefined) return
  failure.forget(reply)
  const code = failures.find((known) => known === told) ?? 'sign_in_failed'
  throw new ReportedError(code, 'Single sign-on ended without anything to approve.')
}

const findPending = async (
  code: string,
  { request, reply, visitor }: { request: FastifyRequest; reply: FastifyReply; visitor: Visitor | undefined },
  { kept, ...tools }: ShowTools
): Promise<FoundFlow> => {
  await spendLookup(request, visitor, tools)
  const found = await findFlow(code, tools)
  if (found?.flow.status === 'pending') return found
  kept.forget(reply)
  throw new ReportedError('expired_or_unknown', 'This code is not known or has expired.')
}

const ask = async (
  request: FastifyRequest,
  reply: FastifyReply,
  found: FoundFlow,
  { principal, csrf, auth_time }: Visitor,
  { users, sso, ...tools }: ShowTools
): Promise<FastifyReply> => {
  const member = principal.kind === 'user' ? await memberOrNobody(users.find(principal)) : undefined
  const { user_code } = found
  if (!member && sso.isSsoOpen())
    return sendView(request, reply, { name: 'chooser', user_code, accountPath: otherAccountPath, hasSso: true })
  if (!member) throw new ReportedError('forbidden', 'Only members can sign devices in.')
  await requireFresh({ tenant_id: principal.tenant_id, auth_time }, memberSignIn(pagePath), tools)
  const { user, tenant } = member
  const who = { person: user.name ?? user.email ?? user.id, tenant: tenant.name }
  const asking = { user_code, flow: describeFlow(found), csrf }
  return sendView(request, reply, { name: 'authorize_member', ...asking, ...who })
}
