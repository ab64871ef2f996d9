import type { FastifyRequest } from 'fastify'
import { type QueryExecutorProvider, sql } from 'kysely'
import { callerOf } from '../authenticate.ts'
import { newId } from '../ids.ts'
import type { ActorKind, AuditDetails } from './tables.ts'

type Actor = { kind: Exclude<ActorKind, 'system'>; id: string }

/** Who does something in which tenant, and by which request. */
export type AuditContext = {
  tenant_id: string
  actor: Actor | { kind: 'system' }
  request_id?: string
  ip?: string
}

export type AuditEvent = AuditContext & {
  /** What was done to what, as `app.created`. */
  action: string
  subject: { kind: string; id?: string }
  details?: AuditDetails
}

/** Writes events down: given the transaction of the change, both stand or fall. */
export const recordAudit = async (db: QueryExecutorProvider, ...events: readonly AuditEvent[]): Promise<void> => {
  if (events.length === 0) return
  await sql`
    insert into audit_event
      (id, tenant_id, action, actor_kind, actor_id, subject_kind, subject_id, details, request_id, ip)
    values ${sql.join(events.map(rowOf))}`.execute(db)
}

const rowOf = ({ tenant_id, action, actor, subject, details = {}, request_id, ip }: AuditEvent) => {
  const actorId = 'id' in actor ? actor.id : null
  const what = sql`${subject.kind}, ${subject.id ?? null}, ${JSON.stringify(details)}`
  const place = sql`${request_id ?? null}, ${ip ?? null}`
  return sql`(${newId()}, ${tenant_id}, ${action}, ${actor.kind}, ${actorId}, ${what}, ${place})`
}

/** What an event says of the request that caused it. */
export const auditContextOf = (request: FastifyRequest): AuditContext & { actor: Actor } => {
  const { principal } = callerOf(request)
  const { tenant_id } = principal
  const actor =
    principal.kind === 'user'
      ? { kind: principal.kind, id: principal.user_id }
      : { kind: principal.kind, id: principal.app_id }
  return { tenant_id, actor, request_id: request.id, ip: request.ip }
}
