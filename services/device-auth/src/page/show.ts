import { ReportedError } from '@onbehalf/errors'
import { type FindVisitor, renewalPath, sendPage, type Visitor } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describeFlow, type FindTools, type FoundFlow, findFlow } from '../device-code/find.ts'
import type { Budgets } from '../limits/budgets.ts'
import { memberOrNobody, type Users } from '../users/find.ts'
import type { keptCode } from './kept-code.ts'
import { codeEntry, confirm } from './views.ts'

export type ShowTools = FindTools & {
  budgets: Pick<Budgets, 'lookup'>
  findVisitor: FindVisitor
  users: Pick<Users, 'find'>
  kept: ReturnType<typeof keptCode>
}

/** What somebody at `/device` sees: the sign-in, the code to type, or what they are asked to approve. */
export const show = async (request: FastifyRequest, reply: FastifyReply, tools: ShowTools): Promise<FastifyReply> => {
  const { budgets, findVisitor, kept } = tools
  const visitor = await findVisitor(request)
  const code = kept.read(request)
  if (code === undefined) return visitor ? sendPage(reply, codeEntry(visitor.csrf)) : toSignIn(reply)
  await budgets.lookup(request)
  const found = await findFlow(code, tools)
  if (!visitor) return toSignIn(reply, found?.flow.tenant_hint)
  if (found?.flow.status === 'pending') return ask(reply, found, visitor, tools)
  kept.forget(reply)
  throw new ReportedError('expired_or_unknown', 'This code is not known or has expired.')
}

const toSignIn = (reply: FastifyReply, tenant?: string): FastifyReply =>
  reply.header('cache-control', 'no-store').redirect(renewalPath('/device', tenant), 303)

const ask = async (
  reply: FastifyReply,
  found: FoundFlow,
  { principal, csrf }: Visitor,
  { users }: ShowTools
): Promise<FastifyReply> => {
  const member = principal.kind === 'user' ? await memberOrNobody(users.find(principal)) : undefined
  if (!member) throw new ReportedError('forbidden', 'Only members can sign devices in.')
  const { user_code } = found
  return sendPage(reply, confirm({ user_code, flow: describeFlow(found), member, csrf }))
}
