import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  AskedTime,
  anyUser,
  askedText,
  isAdministrator,
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
import type { GrantStore } from '../grants/store.ts'
import type { IssuanceFilter, IssuanceStore } from './store.ts'

const Time = Type.String({ format: 'date-time' })
const filters = {
  actor_id: Type.Optional(Uuid),
  audience: Type.Optional(askedText(2048)),
  outcome: Type.Optional(Type.String({ pattern: '^[a-z_]{1,64}$' })),
  since: Type.Optional(AskedTime),
  until: Type.Optional(AskedTime)
}

const Issuance = Type.Object({
  id: Uuid,
  /** As whom somebody could act. */
  user_id: Uuid,
  /** Who could: the user themselves, an app, a platform; `system` where it was not recorded. */
  actor: Type.Object({
    kind: wordOf('user', 'app', 'installation', 'system'),
    id: orNull(Uuid),
    name: orNull(Type.String())
  }),
  grant_id: orNull(Uuid),
  audience: Type.String(),
  mode: Type.String(),
  /** `issued`, or the code it was refused with. */
  outcome: Type.String(),
  jti: orNull(Type.String()),
  generation: orNull(Type.Integer()),
  /** How often it was asked for; uses that a caller makes of a token it keeps are in the records of calls. */
  times: Type.Integer(),
  expires_at: orNull(Time),
  created_at: Time,
  last_at: Time
})

const tags = ['grants']
const list = {
  method: 'GET',
  url: '/v1/issuances',
  config: { access: anyUser },
  schema: {
    ...{ tags, summary: 'What was done as you; for administrators, as anybody of the tenant' },
    querystring: pageQuery({ ...filters, user_id: Type.Optional(Uuid), grant_id: Type.Optional(Uuid) }),
    response: { 200: pageAnswer(Issuance) }
  }
} as const
const listOfGrant = {
  method: 'GET',
  url: '/v1/grants/:id/issuances',
  config: { access: anyUser },
  schema: {
    ...{ tags, summary: 'What was done with a grant' },
    ...{ params: Type.Object({ id: Uuid }), querystring: pageQuery(filters), response: { 200: pageAnswer(Issuance) } }
  }
} as const

type Needs = { issuances: Pick<IssuanceStore, 'page'>; grants: Pick<GrantStore, 'find'> }

/** The records of minting: tokens that were given, and what was refused; never a token. */
export const issuanceRoutes = (app: App, { issuances, grants }: Needs): void => {
  const routes = typed(app)

  const read = async (request: FastifyRequest, limit: number, asked: IssuanceFilter & { cursor?: string }) => {
    const user = userOf(request)
    const own = isAdministrator(user) ? {} : { user_id: user.user_id }
    const page = await takePage(limit, (more) => issuances.page(user.tenant_id, { ...asked, ...own, limit: more }))
    return { ...page, data: page.data.map(viewOf) }
  }

  routes.route({
    ...list,
    handler: async (request) => {
      const { limit, ...asked } = request.query
      return read(request, limit, asked)
    }
  })
  routes.route({
    ...listOfGrant,
    handler: async (request) => {
      const { limit, ...asked } = request.query
      const user = userOf(request)
      const grant = await grants.find(user.tenant_id, request.params.id)
      if (!grant || (grant.user_id !== user.user_id && !isAdministrator(user)))
        throw new ReportedError('not_found', 'There is no such grant.')
      return read(request, limit, { ...asked, grant_id: grant.id })
    }
  })
}

type Row = Awaited<ReturnType<IssuanceStore['page']>>[number]

const viewOf = ({ actor_kind, actor_id, actor_name, expires_at, created_at, last_at, ...rest }: Row) => ({
  ...rest,
  actor: { kind: actor_kind, id: actor_id, name: actor_name },
  expires_at: expires_at?.toISOString() ?? null,
  created_at: created_at.toISOString(),
  last_at: last_at.toISOString()
})
