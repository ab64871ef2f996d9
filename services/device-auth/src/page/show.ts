import { ReportedError } from '@onbehalf/errors'
import { type FindVisitor, renewalPath, type Visitor } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describeFlow, type FindTools, type FoundFlow, findFlow } from '../device-code/find.ts'
import { type LookupTools, spendLookup } from '../limits/spend-lookup.ts'
import { memberOrNobody, type Users } from '../users/find.ts'
import type { keptCode } from './kept-code.ts'
import { leaveFor } from './leave-for.ts'
import { choosePath, pagePath } from './paths.ts'
import { sendView } from './send.ts'

export type ShowTools = FindTools &
  LookupTools & {
    findVisitor: FindVisitor
    users: Pick<Users, 'find'>
    kept: ReturnType<typeof keptCode>
  }

/** What somebody at `/device` sees: the code to type, or what they are asked to approve. */
export const show = async (request: FastifyRequest, reply: FastifyReply, tools: ShowTools): Promise<FastifyReply> => {
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
  return sendView(request, reply, { name: 'chooser', user_code, tenant_hint: flow.tenant_hint ?? '', hasSso: false })
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
  { principal, csrf }: Visitor,
  { users }: ShowTools
): Promise<FastifyReply> => {
  const member = principal.kind === 'user' ? await memberOrNobody(users.find(principal)) : undefined
  if (!member) throw new ReportedError('forbidden', 'Only members can sign devices in.')
  const { user, tenant } = member
  const who = { person: user.name ?? user.email ?? user.id, tenant: tenant.name }
  const asking = { user_code: found.user_code, flow: describeFlow(found), csrf }
  return sendView(request, reply, { name: 'authorize_member', ...asking, ...who })
}
