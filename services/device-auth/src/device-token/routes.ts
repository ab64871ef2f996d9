import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  anyUser,
  auditContextOf,
  isAdministrator,
  orNull,
  pageAnswer,
  pageQuery,
  takePage,
  typed,
  userOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { ListedToken, TokenLists, Whose } from './list-store.ts'
import { type RevokeTools, revokeTokens } from './revoke.ts'

const Time = Type.String({ format: 'date-time' })

const TokenAnswer = Type.Object({
  id: Uuid,
  user_id: Uuid,
  prefix: Type.String(),
  issuer: Type.String(),
  client_id: Type.String(),
  device_label: Type.String(),
  created_at: Time,
  last_used_at: orNull(Time),
  expires_at: Time
})

const config = { access: anyUser }
const tags = ['device tokens']
const url = '/v1/device-tokens'

const list = {
  config,
  schema: {
    tags,
    summary: "The devices that are signed in: your own, or as an administrator the tenant's",
    querystring: pageQuery({ user_id: Type.Optional(Uuid) }),
    response: { 200: pageAnswer(TokenAnswer) }
  }
} as const
const end = {
  config,
  schema: {
    tags,
    summary: 'Sign a device out',
    params: Type.Object({ id: Uuid }),
    response: { 204: Type.Null() }
  }
} as const

type Needs = RevokeTools & { lists: Pick<TokenLists, 'page'> }

/** Devices as their users see and end them from a browser, and administrators those of their tenant. */
export const tokenRoutes = (app: App, { lists, ...tools }: Needs): void => {
  const routes = typed(app)
  routes.get(url, list, async (request) => {
    const { limit, user_id, ...from } = request.query
    const whose = whoseOf(request, user_id)
    const page = await takePage(limit, (more) => lists.page(whose, { ...from, limit: more }))
    return { ...page, data: page.data.map(answerOf) }
  })
  routes.delete(`${url}/:id`, end, async (request, reply) => {
    const ended = await revokeTokens({ ...whoseOf(request), id: request.params.id }, auditContextOf(request), tools)
    if (ended === 0) throw new ReportedError('not_found', 'There is no such device token.')
    return reply.status(204).send(null)
  })
}

const whoseOf = (request: FastifyRequest, asked?: string): Whose => {
  const user = userOf(request)
  const { tenant_id } = user
  if (!isAdministrator(user)) return { tenant_id, user_id: user.user_id }
  return asked === undefined ? { tenant_id } : { tenant_id, user_id: asked }
}

const answerOf = ({ created_at, last_used_at, expires_at, ...token }: ListedToken) => ({
  ...token,
  created_at: created_at.toISOString(),
  last_used_at: last_used_at?.toISOString() ?? null,
  expires_at: expires_at.toISOString()
})
