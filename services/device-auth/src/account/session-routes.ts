import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Access, type App, auditContextOf, orNull, typed, userOf } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { ListedToken, TokenLists } from '../device-token/list-store.ts'
import { type RevokeTools, revokeTokens } from '../device-token/revoke.ts'
import type { Which } from '../device-token/store.ts'

export type SessionTools = RevokeTools & { lists: Pick<TokenLists, 'slice' | 'count'> }

const Time = Type.String({ format: 'date-time' })

const Session = Type.Object({
  id: Uuid,
  /** Whether it is the token that asks. */
  is_current: Type.Boolean(),
  prefix: Type.String(),
  client_id: Type.String(),
  device_label: Type.String(),
  created_at: Time,
  last_used_at: orNull(Time),
  expires_at: Time
})

const Sessions = Type.Object({
  page: Type.Integer(),
  limit: Type.Integer(),
  total: Type.Integer(),
  has_more: Type.Boolean(),
  data: Type.Array(Session)
})

const Query = Type.Object({
  page: Type.Integer({ minimum: 1, maximum: 100_000, default: 1 }),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 100 })
})

const Revoked = Type.Object({ status: Type.Literal('revoked'), revoked: Type.Integer() })

/** The devices that the person of a token is signed in with, in the reference's shapes: seen and ended by themselves. */
export const sessionRoutes = (scope: App, access: Access, { lists, ...tools }: SessionTools): void => {
  const routes = typed(scope)
  const config = { access }
  const response = { 200: Revoked }
  const end = async (request: FastifyRequest, which: Pick<Which, 'id' | 'except'>) => {
    const { tenant_id, user_id } = userOf(request)
    const revoked = await revokeTokens({ tenant_id, user_id, ...which }, auditContextOf(request), tools)
    return { status: 'revoked' as const, revoked }
  }

  const list = { config, schema: { querystring: Query, response: { 200: Sessions } } }
  routes.get('/sessions', list, async (request) => {
    const { tenant_id, user_id, credential } = userOf(request)
    const { page, limit } = request.query
    const offset = (page - 1) * limit
    const whose = { tenant_id, user_id }
    const [total, rows] = await Promise.all([lists.count(whose), lists.slice(whose, { limit, offset })])
    const data = rows.map((row) => sessionOf(row, credential.id))
    return { page, limit, total, has_more: offset + rows.length < total, data }
  })
  routes.delete('/sessions/self', { config, schema: { response } }, (request) =>
    end(request, { id: userOf(request).credential.id })
  )
  routes.delete(
    '/sessions/:id',
    { config, schema: { params: Type.Object({ id: Uuid }), response } },
    async (request) => {
      const ended = await end(request, { id: request.params.id })
      if (ended.revoked === 0) throw new ReportedError('not_found', 'You have no such session.')
      return ended
    }
  )
  const Kept = Type.Object({ keep_current: Type.Boolean({ default: false }) })
  routes.delete('/sessions', { config, schema: { querystring: Kept, response } }, (request) =>
    end(request, request.query.keep_current ? { except: userOf(request).credential.id } : {})
  )
}

const sessionOf = ({ created_at, last_used_at, expires_at, ...token }: ListedToken, currentId: string) => ({
  ...token,
  is_current: token.id === currentId,
  created_at: created_at.toISOString(),
  last_used_at: last_used_at?.toISOString() ?? null,
  expires_at: expires_at.toISOString()
})
