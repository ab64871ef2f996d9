import { ExternalId, Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import {
  administrators,
  anyUser,
  auditContextOf,
  callerOf,
  type App as HttpApp,
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
import type { Announce } from '../announce.ts'
import type { AppStore } from '../apps/app-store.ts'
import { findApp } from '../apps/routes.ts'
import type { Link } from '../database.ts'
import type { ActivateLink } from './activate.ts'
import type { LinkCodes } from './codes.ts'
import { importLinks } from './import.ts'
import { redeemLink } from './redeem.ts'
import type { LinkStore } from './store.ts'
import { unlink } from './unlink.ts'

const closed = { additionalProperties: false } as const
const Time = Type.String({ format: 'date-time' })
const Text = Type.String({ minLength: 1, maxLength: 255 })

const LinkAnswer = Type.Object({
  id: Uuid,
  app: Type.Object({ id: Uuid, name: Type.String() }),
  /** The app's own id of its user. */
  external_id: Type.String(),
  user: Type.Object({ id: Uuid, email: orNull(Type.String()), name: orNull(Type.String()) }),
  created_at: Time,
  updated_at: Time
})
const ids = { id: Uuid, external_id: Type.String(), user_id: Uuid }
const Entry = Type.Object({ external_id: ExternalId, user_id: Uuid }, closed)
const Import = Type.Object({ app_id: Uuid, links: Type.Array(Entry, { minItems: 1, maxItems: 1000 }) }, closed)
const Imported = Type.Object({
  links: Type.Array(Type.Object({ ...ids, outcome: wordOf('created', 'unchanged') }))
})
/** The code, and whose session of the app it came to. */
const Redemption = Type.Object({ code: Text, external_id: ExternalId }, closed)

const tags = ['links']
const url = '/v1/links'

const list = {
  config: { access: anyUser },
  schema: {
    ...{ tags, summary: 'Which apps act for whom', response: { 200: pageAnswer(LinkAnswer) } },
    querystring: pageQuery({
      app_id: Type.Optional(Uuid),
      user_id: Type.Optional(Uuid),
      external_id: Type.Optional(ExternalId),
      search: Type.Optional(Text)
    })
  }
} as const
const remove = {
  config: { access: anyUser },
  schema: { tags, summary: 'Unlink', params: Type.Object({ id: Uuid }), response: { 204: Type.Null() } }
} as const
const bring = {
  config: { access: administrators, errors: ['conflict', 'not_found'] },
  schema: { tags, summary: 'Link many users of an app', body: Import, response: { 200: Imported } }
} as const
const redeem = {
  config: { access: { credentials: ['api_key'], scope: 'tools:call' }, errors: ['expired_or_unknown'] },
  schema: { tags, summary: 'Make the link that a user allowed', body: Redemption, response: { 200: Type.Object(ids) } }
} as const

type Needs = {
  links: LinkStore
  apps: Pick<AppStore, 'find'>
  linkCodes: Pick<LinkCodes, 'take'>
  activateLink: ActivateLink
  announce: Announce
}

/** Whom apps act for by their own ids: seen and ended by the users themselves, and by administrators. */
export const linkRoutes = (app: HttpApp, needs: Needs): void => {
  const routes = typed(app)
  const { links, apps, announce } = needs

  routes.get(url, list, async (request) => {
    const { limit, ...filter } = request.query
    const user = userOf(request)
    const whose = isAdministrator(user) ? filter : { ...filter, user_id: user.user_id }
    const page = await takePage(limit, (more) => links.page(user.tenant_id, { ...whose, limit: more }))
    return { ...page, data: page.data.map(answerOf) }
  })
  routes.delete(`${url}/:id`, remove, async (request, reply) => {
    const link = await findOwn(links, request, request.params.id)
    await unlink(needs, auditContextOf(request), link)
    return reply.status(204).send(null)
  })
  routes.post(`${url}/import`, bring, async (request) => {
    const { app_id, links: entries } = request.body
    const { tenant_id, role } = userOf(request)
    const { id } = await findApp(apps, tenant_id, app_id)
    return { links: await importLinks({ links, announce }, { role, audit: auditContextOf(request) }, id, entries) }
  })
  routes.post(`${url}/redeem`, redeem, async (request, reply) => {
    const { principal } = callerOf(request)
    if (principal.kind !== 'app') throw new Error('only API keys are taken here')
    reply.header('cache-control', 'no-store')
    return redeemLink(needs, auditContextOf(request), { app_id: principal.app_id, ...request.body })
  })
}

/** Another user's link is as if it were not there. */
const findOwn = async (links: Pick<LinkStore, 'find'>, request: FastifyRequest, id: string): Promise<Link> => {
  const user = userOf(request)
  const link = await links.find(user.tenant_id, id)
  if (link && (link.user_id === user.user_id || isAdministrator(user))) return link
  throw new ReportedError('not_found', 'There is no such link.')
}

type Row = Awaited<ReturnType<LinkStore['page']>>[number]

const answerOf = ({ id, app_id, app_name, external_id, user_id, email, user_name, created_at, updated_at }: Row) => ({
  ...{ id, external_id, app: { id: app_id, name: app_name }, user: { id: user_id, email, name: user_name } },
  created_at: created_at.toISOString(),
  updated_at: updated_at.toISOString()
})
