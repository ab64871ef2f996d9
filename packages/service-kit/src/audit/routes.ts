import { Uuid } from '@onbehalf/contracts'
import { Type } from '@sinclair/typebox'
import type { Kysely, Selectable } from 'kysely'
import { administrators, orKeyFor } from '../access.ts'
import { callerOf } from '../authenticate.ts'
import { type App, typed } from '../create-app.ts'
import { pageAnswer, pageQuery, takePage } from '../paging.ts'
import { AskedTime, askedText, orNull, wordOf } from '../schema.ts'
import { listAudit } from './list.ts'
import type { AuditDetails, AuditTables } from './tables.ts'

const Time = Type.String({ format: 'date-time' })

const AuditItem = Type.Object({
  id: Uuid,
  action: Type.String(),
  actor: Type.Object({ kind: wordOf('user', 'app', 'installation', 'system'), id: orNull(Uuid) }),
  subject: Type.Object({ kind: Type.String(), id: orNull(Uuid) }),
  details: Type.Unsafe<AuditDetails>({ type: 'object', additionalProperties: true }),
  request_id: orNull(Type.String()),
  ip: orNull(Type.String()),
  created_at: Time
})

const Query = pageQuery({
  action: Type.Optional(askedText(64)),
  actor_id: Type.Optional(Uuid),
  subject_id: Type.Optional(Uuid),
  since: Type.Optional(AskedTime),
  until: Type.Optional(AskedTime)
})

/** The record of a service's own changes, for the administrators of the tenant: newest first. */
export const auditRoutes = (app: App, { path, db }: { path: string; db: Kysely<AuditTables> }): void => {
  typed(app).get(
    path,
    {
      config: { access: orKeyFor('audit:read', administrators) },
      schema: {
        ...{ tags: ['audit'], summary: 'Who changed what' },
        ...{ querystring: Query, response: { 200: pageAnswer(AuditItem) } }
      }
    },
    async (request) => {
      const { tenant_id } = callerOf(request).principal
      const { limit, ...asked } = request.query
      const page = await takePage(limit, (more) => listAudit(db, tenant_id, { ...asked, limit: more }))
      return { ...page, data: page.data.map(itemOf) }
    }
  )
}

const itemOf = ({
  actor_kind,
  actor_id,
  subject_kind,
  subject_id,
  created_at,
  ...rest
}: Selectable<AuditTables['audit_event']>) => ({
  ...rest,
  actor: { kind: actor_kind, id: actor_id },
  subject: { kind: subject_kind, id: subject_id },
  created_at: created_at.toISOString()
})
