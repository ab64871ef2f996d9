import { ReportedError } from '@onbehalf/errors'
import {
  administrators,
  auditContextOf,
  type App as HttpApp,
  pageAnswer,
  pageQuery,
  takePage,
  typed,
  userOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Announce } from '../announce.ts'
import type { App } from '../database.ts'
import type { AppStore } from './app-store.ts'
import { checkApp } from './check.ts'
import { appEvent } from './event.ts'
import { AppAnswer, AppChange, AppId, NewApp } from './shapes.ts'

const access = administrators
const tags = ['apps']
const url = '/v1/apps'
const one = `${url}/:id`

const create = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Register an app', body: NewApp, response: { 201: AppAnswer } }
} as const
const list = {
  config: { access },
  schema: { tags, summary: 'The apps', querystring: pageQuery({}), response: { 200: pageAnswer(AppAnswer) } }
} as const
const read = {
  config: { access },
  schema: { tags, summary: 'One app', params: AppId, response: { 200: AppAnswer } }
} as const
const update = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Change an app', params: AppId, body: AppChange, response: { 200: AppAnswer } }
} as const
const remove = {
  config: { access },
  schema: { tags, summary: 'Delete an app with its keys', params: AppId, response: { 204: Type.Null() } }
} as const

type Needs = { apps: AppStore; announce: Announce }

/** An app of the asker's tenant. */
export const findApp = async (apps: Pick<AppStore, 'find'>, tenant_id: string, id: string): Promise<App> => {
  const found = await apps.find(tenant_id, id)
  if (found) return found
  throw gone()
}

const gone = () => new ReportedError('not_found', 'There is no such app.')

/** The applications that ask in the tenant's name. */
export const appRoutes = (app: HttpApp, { apps, announce }: Needs): void => {
  const routes = typed(app)

  routes.post(url, create, async (request, reply) => {
    const { name, return_urls = [], link_keys = [] } = request.body
    checkApp(request.body)
    const { tenant_id } = userOf(request)
    const fields = Object.keys(request.body)
    const row = { tenant_id, name, return_urls, link_keys }
    const stored = await apps.insert(row, (id) => appEvent(auditContextOf(request), 'created', id, fields))
    return reply.status(201).send(answerOf(stored))
  })
  routes.get(url, list, async (request) => {
    const { limit, ...after } = request.query
    const { tenant_id } = userOf(request)
    const page = await takePage(limit, (more) => apps.page(tenant_id, { ...after, limit: more }))
    return { ...page, data: page.data.map(answerOf) }
  })
  routes.get(one, read, async (request) => answerOf(await findApp(apps, userOf(request).tenant_id, request.params.id)))
  routes.patch(one, update, async (request) => {
    const held = await findApp(apps, userOf(request).tenant_id, request.params.id)
    checkApp(request.body)
    const event = appEvent(auditContextOf(request), 'updated', held.id, Object.keys(request.body))
    const stored = await apps.update(held, request.body, event)
    if (!stored) throw gone()
    return answerOf(stored)
  })
  routes.delete(one, remove, async (request, reply) => {
    const { id } = await findApp(apps, userOf(request).tenant_id, request.params.id)
    const isGone = await apps.remove(userOf(request).tenant_id, id, appEvent(auditContextOf(request), 'deleted', id))
    if (isGone) await announce('app', id)
    return reply.status(204).send(null)
  })
}

const answerOf = ({ id, name, return_urls, link_keys, created_at }: App) => ({
  ...{ id, name, return_urls, link_keys },
  created_at: created_at.toISOString()
})
