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
import type { FastifyRequest } from 'fastify'
import type { Announce } from '../announce.ts'
import type { ApiKey } from '../database.ts'
import type { AppStore } from './app-store.ts'
import { changeKey, createKey, type KeyAsker, revokeKey } from './keys.ts'
import { findApp } from './routes.ts'
import { AppId, CreatedKey, KeyAnswer, KeyChange, KeyId, NewKey } from './shapes.ts'

const access = administrators
const tags = ['apps']
const url = '/v1/apps/:id/keys'
const one = `${url}/:key_id`

const create = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Make an API key', params: AppId, body: NewKey, response: { 201: CreatedKey } }
} as const
const list = {
  config: { access },
  schema: {
    ...{ tags, summary: 'The API keys of an app', params: AppId },
    ...{ querystring: pageQuery({}), response: { 200: pageAnswer(KeyAnswer) } }
  }
} as const
const update = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Change an API key', params: KeyId, body: KeyChange, response: { 200: KeyAnswer } }
} as const
const revoke = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Revoke an API key', params: KeyId, response: { 204: Type.Null() } }
} as const

type Needs = { apps: AppStore; announce: Announce }

/** What an app asks with, and for whom it may. */
export const keyRoutes = (app: HttpApp, needs: Needs): void => {
  const routes = typed(app)
  const { apps } = needs
  const appOf = (request: FastifyRequest, id: string) => findApp(apps, userOf(request).tenant_id, id)

  routes.post(url, create, async (request, reply) => {
    const owner = await appOf(request, request.params.id)
    const { stored, key } = await createKey({ apps }, askerOf(request), owner, request.body)
    reply.header('cache-control', 'no-store')
    return reply.status(201).send({ ...answerOf(stored), key })
  })
  routes.get(url, list, async (request) => {
    const { limit, ...after } = request.query
    const owner = await appOf(request, request.params.id)
    const page = await takePage(limit, (more) => apps.pageKeys(owner, { ...after, limit: more }))
    return { ...page, data: page.data.map(answerOf) }
  })
  routes.patch(one, update, async (request) => {
    const { id, key_id } = request.params
    return answerOf(await changeKey(needs, askerOf(request), await appOf(request, id), key_id, request.body))
  })
  routes.delete(one, revoke, async (request, reply) => {
    const { id, key_id } = request.params
    await revokeKey(needs, askerOf(request), await appOf(request, id), key_id)
    return reply.status(204).send(null)
  })
}

const askerOf = (request: FastifyRequest): KeyAsker => ({ role: userOf(request).role, audit: auditContextOf(request) })

const answerOf = ({ id, prefix, scopes, act_for, listed, set_by_kind, set_by_id, ...times }: ApiKey) => ({
  ...{ id, prefix, scopes, act_for, listed },
  set_by: set_by_kind && { kind: set_by_kind, id: set_by_id },
  created_at: times.created_at.toISOString(),
  last_used_at: times.last_used_at?.toISOString() ?? null,
  expires_at: times.expires_at?.toISOString() ?? null,
  revoked_at: times.revoked_at?.toISOString() ?? null
})
