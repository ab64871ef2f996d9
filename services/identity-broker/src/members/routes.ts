import { type Role, Uuid } from '@onbehalf/contracts'
import {
  type App,
  administrators,
  auditContextOf,
  callerOf,
  orKeyFor,
  orNull,
  pageAnswer,
  pageQuery,
  takePage,
  typed,
  userOf,
  wordOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { Announce } from '../announce.ts'
import { changeRole, noSuchMember, removeMember } from './change.ts'
import type { MemberStore } from './store.ts'

const roles = ['owner', 'admin', 'member'] as const satisfies readonly Role[]
export const RoleWord = wordOf(...roles)

const Time = Type.String({ format: 'date-time' })

const MemberAnswer = Type.Object({
  user_id: Uuid,
  role: RoleWord,
  email: orNull(Type.String()),
  is_email_verified: Type.Boolean(),
  name: orNull(Type.String()),
  /** Their `sub` at the IdP of the connection. */
  subject: Type.String(),
  connection_id: Uuid,
  created_at: Time,
  signed_in_at: orNull(Time)
})

const Query = pageQuery({
  search: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  role: Type.Optional(RoleWord)
})
const Params = Type.Object({ user_id: Uuid })
const RoleChange = Type.Object({ role: RoleWord }, { additionalProperties: false })

const access = administrators
const readers = orKeyFor('members:read', administrators)
const tags = ['members']
const url = '/v1/members'
const one = `${url}/:user_id`

const list = {
  config: { access: readers },
  schema: {
    tags,
    summary: 'The members of the tenant',
    querystring: Query,
    response: { 200: pageAnswer(MemberAnswer) }
  }
} as const
const read = {
  config: { access: readers },
  schema: { tags, summary: 'One member', params: Params, response: { 200: MemberAnswer } }
} as const
const change = {
  config: { access, errors: ['conflict'] },
  schema: {
    tags,
    summary: 'Give a member another role',
    params: Params,
    body: RoleChange,
    response: { 200: MemberAnswer }
  }
} as const
const remove = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Make a member an external user', params: Params, response: { 204: Type.Null() } }
} as const

type Needs = { members: MemberStore; announce: Announce }

/** Who belongs to the tenant, and what they may do in it. */
export const memberRoutes = (app: App, needs: Needs): void => {
  const routes = typed(app)
  const answer = async (tenant_id: string, user_id: string) => {
    const found = await needs.members.find(tenant_id, user_id)
    if (!found) throw noSuchMember()
    return answerOf(found)
  }

  routes.get(url, list, async (request) => {
    const { limit, ...filter } = request.query
    const { tenant_id } = callerOf(request).principal
    const page = await takePage(limit, (more) => needs.members.page(tenant_id, { ...filter, limit: more }))
    return { ...page, data: page.data.map(answerOf) }
  })
  routes.get(one, read, (request) => answer(callerOf(request).principal.tenant_id, request.params.user_id))
  routes.patch(one, change, async (request) => {
    const { user_id } = request.params
    await changeRole(needs, { ...changeBy(request), user_id, role: request.body.role })
    return answer(userOf(request).tenant_id, user_id)
  })
  routes.delete(one, remove, async (request, reply) => {
    await removeMember(needs, { ...changeBy(request), user_id: request.params.user_id })
    return reply.status(204).send(null)
  })
}

const changeBy = (request: FastifyRequest) => ({ asker: userOf(request), audit: auditContextOf(request) })

type Row = NonNullable<Awaited<ReturnType<MemberStore['find']>>>

const answerOf = ({ id, created_at, signed_in_at, ...rest }: Row) => ({
  ...rest,
  user_id: id,
  created_at: created_at.toISOString(),
  signed_in_at: signed_in_at?.toISOString() ?? null
})
