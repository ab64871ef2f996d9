import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  anyUser,
  auditContextOf,
  isAdministrator,
  pageAnswer,
  pageQuery,
  takePage,
  typed,
  userOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { Announce } from '../announce.ts'
import type { Grant } from '../database.ts'
import { type createGrantEnd, grantEvent } from './revoke.ts'
import type { GrantStore } from './store.ts'

const GrantView = Type.Object({
  id: Uuid,
  user_id: Uuid,
  connection_id: Uuid,
  connection_name: Type.String(),
  /** The servers that tokens can be had for. */
  resources: Type.Array(Type.String()),
  status: Type.Union([Type.Literal('live'), Type.Literal('dead')]),
  dead_reason: Type.Union([Type.String(), Type.Null()]),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' })
})

const Query = pageQuery({ user_id: Type.Optional(Uuid) })
const Params = Type.Object({ id: Uuid })

type Needs = {
  grants: Pick<GrantStore, 'find' | 'page' | 'emptyTokens'>
  endGrant: ReturnType<typeof createGrantEnd>
  announce: Announce
}

/** What is stored for a user to act as them, and how they take it back. Administrators see and end their tenant's. */
export const grantRoutes = (app: App, { grants, endGrant, announce }: Needs): void => {
  const routes = typed(app)
  const access = anyUser

  routes.get(
    '/v1/grants',
    { config: { access }, schema: { querystring: Query, response: { 200: pageAnswer(GrantView) } } },
    async (request) => {
      const { limit, cursor, user_id } = request.query
      const user = userOf(request)
      const whose = isAdministrator(user) ? user_id : user.user_id
      const filter = { ...(whose ? { user_id: whose } : {}), ...(cursor ? { before: cursor } : {}) }
      const page = await takePage(limit, (more) => grants.page(user.tenant_id, { ...filter, limit: more }))
      const data = page.data.map(({ dead_reason, created_at, updated_at, ...rest }) => ({
        ...rest,
        dead_reason,
        status: dead_reason === null ? ('live' as const) : ('dead' as const),
        created_at: created_at.toISOString(),
        updated_at: updated_at.toISOString()
      }))
      return { ...page, data }
    }
  )

  const findOwn = async (request: FastifyRequest, id: string): Promise<Grant> => {
    const user = userOf(request)
    const grant = await grants.find(user.tenant_id, id)
    if (grant && (grant.user_id === user.user_id || isAdministrator(user))) return grant
    throw new ReportedError('not_found', 'There is no such grant.')
  }

  routes.delete(
    '/v1/grants/:id/tokens',
    { config: { access }, schema: { params: Params, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { id, tenant_id } = await findOwn(request, request.params.id)
      await grants.emptyTokens(tenant_id, id, grantEvent(auditContextOf(request), 'tokens_emptied', id))
      await announce('grant', id)
      return reply.status(204).send(null)
    }
  )

  routes.delete(
    '/v1/grants/:id',
    {
      config: { access },
      schema: { params: Params, response: { 200: Type.Object({ revoked_at_idp: Type.Boolean() }) } }
    },
    async (request) => {
      const grant = await findOwn(request, request.params.id)
      return endGrant(grant, grantEvent(auditContextOf(request), 'revoked', grant.id))
    }
  )
}
