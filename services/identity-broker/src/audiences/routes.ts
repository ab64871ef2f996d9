import { Uuid } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import {
  type App,
  administrators,
  auditContextOf,
  newId,
  pageAnswer,
  pageQuery,
  takePage,
  typed,
  userOf
} from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { AudiencePatternRow } from '../database.ts'
import { patternEvent } from './event.ts'
import { checkPattern } from './pattern.ts'
import type { AudienceStore } from './store.ts'

const url = '/v1/audience-patterns'
const tags = ['audience patterns']
const closed = { additionalProperties: false }
const patternsMax = 200

const View = Type.Object({ id: Uuid, pattern: Type.String(), created_at: Type.String({ format: 'date-time' }) })
const viewOf = ({ id, pattern, created_at }: AudiencePatternRow) => ({
  ...{ id, pattern },
  created_at: created_at.toISOString()
})

const list = {
  method: 'GET',
  url,
  config: { access: administrators },
  schema: {
    ...{ tags, summary: 'What tokens may be asked for beside the registered servers' },
    ...{ querystring: pageQuery({}), response: { 200: pageAnswer(View) } }
  }
} as const
const create = {
  method: 'POST',
  url,
  config: { access: administrators, errors: ['conflict'] },
  schema: {
    ...{ tags, summary: 'Allow audiences: https://*.tools.example.com/mcp/*' },
    body: Type.Object({ pattern: Type.String({ minLength: 1, maxLength: 2048 }) }, closed),
    response: { 201: View }
  }
} as const
const remove = {
  method: 'DELETE',
  url: `${url}/:id`,
  config: { access: administrators },
  schema: {
    ...{ tags, summary: 'Allow them no longer' },
    ...{ params: Type.Object({ id: Uuid }), response: { 204: Type.Null() } }
  }
} as const

/** For callers that keep their own registry of servers: which audiences the tenant lets them ask for. */
export const audienceRoutes = (app: App, audiences: AudienceStore): void => {
  const routes = typed(app)
  routes.route({
    ...list,
    handler: async (request) => {
      const { limit, ...asked } = request.query
      const { tenant_id } = userOf(request)
      const page = await takePage(limit, (more) => audiences.page(tenant_id, { ...asked, limit: more }))
      return { ...page, data: page.data.map(viewOf) }
    }
  })
  routes.route({
    ...create,
    handler: async (request, reply) => {
      const context = auditContextOf(request)
      const { tenant_id } = context
      const row = { id: newId(), tenant_id, pattern: request.body.pattern }
      checkPattern(row.pattern)
      const made = await audiences.transaction(async (store) => {
        if ((await store.countAlone(tenant_id)) >= patternsMax) throw tooMany()
        return store.insert(row, patternEvent(context, 'created', row))
      })
      if (!made) throw taken()
      return reply.status(201).send(viewOf(made))
    }
  })
  routes.route({
    ...remove,
    handler: async (request, reply) => {
      const context = auditContextOf(request)
      const { id } = request.params
      if (!(await audiences.remove(context.tenant_id, id, patternEvent(context, 'deleted', { id })))) throw noSuch()
      return reply.status(204).send(null)
    }
  })
}

const noSuch = () => new ReportedError('not_found', 'There is no such audience pattern.')

const taken = () =>
  new ReportedError('conflict', 'Your tenant has this pattern already.', {
    details: [{ path: 'pattern', message: 'is there already' }]
  })

const tooMany = () =>
  new ReportedError('conflict', `A tenant can have ${patternsMax} patterns. Delete one that is no longer needed.`, {
    details: [{ path: 'pattern', message: `would be the ${patternsMax + 1}st` }]
  })
