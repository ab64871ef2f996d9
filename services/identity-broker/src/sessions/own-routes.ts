import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type App, anyUser, pageAnswer, pageQuery, takePage, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { Session } from '../database.ts'
import type { SessionEnds } from './end.ts'
import type { SessionStore } from './store.ts'

const Time = Type.String({ format: 'date-time' })

const SessionAnswer = Type.Object({
  id: Uuid,
  /** Whether it is the one that asks. */
  is_current: Type.Boolean(),
  /** What the browser says it is. */
  user_agent: Type.String(),
  created_ip: Type.String(),
  created_at: Time,
  renewed_at: Time,
  /** Without being renewed it ends then. */
  renewable_until: Time,
  /** However often it is renewed, it ends then. */
  ends_at: Time
})

const tags = ['sessions']
const url = '/auth/sessions'

const list = {
  config: { access: anyUser },
  schema: {
    tags,
    summary: 'The browsers you are signed in with',
    querystring: pageQuery({}),
    response: { 200: pageAnswer(SessionAnswer) }
  }
} as const
const endOne = {
  config: { access: anyUser },
  schema: {
    tags,
    summary: 'Sign one browser out',
    params: Type.Object({ id: Uuid }),
    response: { 204: Type.Null() }
  }
} as const
const endAll = {
  config: { access: anyUser },
  schema: {
    tags,
    summary: 'Sign every browser out',
    querystring: Type.Object({ keep_current: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
    response: { 200: Type.Object({ ended: Type.Integer() }) }
  }
} as const

type Needs = { sessions: Pick<SessionStore, 'page'>; sessionEnds: Pick<SessionEnds, 'end' | 'endAll'> }

/** A user's own sessions: seen and ended by themselves alone. Grants stay. */
export const ownSessionRoutes = (app: App, { sessions, sessionEnds }: Needs): void => {
  const routes = typed(app)
  routes.get(url, list, async (request, reply) => {
    const user = userOf(request)
    const { limit, ...from } = request.query
    const page = await takePage(limit, (more) => sessions.page(user, { ...from, limit: more }))
    reply.header('cache-control', 'no-store')
    return { ...page, data: page.data.map((session) => answerOf(session, user.credential.id)) }
  })
  routes.delete(`${url}/:id`, endOne, async (request, reply) => {
    if (await sessionEnds.end(userOf(request), request.params.id, 'ended_by_user', byOf(request)))
      return reply.status(204).send(null)
    throw new ReportedError('not_found', 'You have no such session.')
  })
  routes.delete(url, endAll, async (request) => {
    const user = userOf(request)
    const except = request.query.keep_current ? user.credential.id : null
    return { ended: await sessionEnds.endAll(user, except, 'ended_by_user', byOf(request)) }
  })
}

const byOf = ({ id, ip }: FastifyRequest) => ({ request_id: id, ip })

const answerOf = (session: Session, currentId: string) => ({
  id: session.id,
  is_current: session.id === currentId,
  user_agent: session.user_agent,
  created_ip: session.created_ip,
  created_at: session.created_at.toISOString(),
  renewed_at: session.renewed_at.toISOString(),
  renewable_until: session.idle_until.toISOString(),
  ends_at: session.expires_at.toISOString()
})
