import { type App, administrators, auditContextOf, takePage, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { type AnswerNeeds, createAnswers } from './answer.ts'
import { createConnection } from './create.ts'
import type { Desk } from './desk.ts'
import { noSuchConnection } from './problems.ts'
import { removeConnection } from './remove.ts'
import { ConnectionAnswer, ConnectionChange, ConnectionId, ConnectionPage, NewConnection, PageQuery } from './shapes.ts'
import { updateConnection } from './update.ts'

const access = administrators
const tags = ['connections']
const url = '/v1/connections'
const one = `${url}/:id`

const create = {
  config: { access, errors: ['conflict'] },
  schema: { tags, summary: 'Connect an identity provider', body: NewConnection, response: { 201: ConnectionAnswer } }
} as const
const list = {
  config: { access },
  schema: {
    tags,
    summary: 'The identity providers of the tenant',
    querystring: PageQuery,
    response: { 200: ConnectionPage }
  }
} as const
const read = {
  config: { access },
  schema: { tags, summary: 'One connection', params: ConnectionId, response: { 200: ConnectionAnswer } }
} as const
const update = {
  config: { access, errors: ['conflict'] },
  schema: {
    tags,
    summary: 'Change a connection: left out stays, null clears',
    params: ConnectionId,
    body: ConnectionChange,
    response: { 200: ConnectionAnswer }
  }
} as const
const remove = {
  config: { access, errors: ['conflict'] },
  schema: {
    tags,
    summary: 'Delete a connection and the users who sign in by it',
    params: ConnectionId,
    response: { 204: Type.Null() }
  }
} as const

type Needs = Desk & AnswerNeeds

/** The identity providers of a tenant, for its owners and admins. */
export const connectionRoutes = (app: App, needs: Needs): void => {
  const routes = typed(app)
  const answersFor = createAnswers(needs)
  const answer = async (connection: Parameters<typeof answersFor>[1][number]) => {
    const [shown] = await answersFor(connection.tenant_id, [connection])
    if (!shown) throw noSuchConnection()
    return shown
  }

  routes.post(url, create, async (request, reply) =>
    reply.status(201).send(await answer(await createConnection(needs, auditContextOf(request), request.body)))
  )
  routes.get(url, list, async (request) => {
    const { limit, ...after } = request.query
    const { tenant_id } = userOf(request)
    const page = await takePage(limit, (more) => needs.connections.page(tenant_id, { ...after, limit: more }))
    return { ...page, data: await answersFor(tenant_id, page.data) }
  })
  routes.get(one, read, async (request) => {
    const found = await needs.connections.find(userOf(request).tenant_id, request.params.id)
    if (!found) throw noSuchConnection()
    return answer(found)
  })
  routes.patch(one, update, async (request) => {
    const asked = { id: request.params.id, change: request.body }
    return answer(await updateConnection(needs, askerOf(request), asked))
  })
  routes.delete(one, remove, async (request, reply) => {
    await removeConnection(needs, askerOf(request), request.params.id)
    return reply.status(204).send(null)
  })
}

const askerOf = (request: FastifyRequest) => ({ role: userOf(request).role, audit: auditContextOf(request) })
