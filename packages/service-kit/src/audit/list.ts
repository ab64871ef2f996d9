import { type Kysely, sql } from 'kysely'
import type { AuditTables } from './tables.ts'

export type AuditFilter = {
  action?: string
  actor_id?: string
  subject_id?: string
  /** RFC 3339; events from this time on. */
  since?: string
  /** RFC 3339; events before this time. */
  until?: string
}

/** A tenant's events, the newest first, those before `cursor`. */
export const listAudit = (
  db: Kysely<AuditTables>,
  tenant_id: string,
  { limit, cursor, action, actor_id, subject_id, since, until }: AuditFilter & { limit: number; cursor?: string }
) => {
  let query = db.selectFrom('audit_event').selectAll().where('tenant_id', '=', tenant_id)
  if (cursor !== undefined) query = query.where('id', '<', cursor)
  if (action !== undefined) query = query.where('action', '=', action)
  if (actor_id !== undefined) query = query.where('actor_id', '=', actor_id)
  if (subject_id !== undefined) query = query.where('subject_id', '=', subject_id)
  if (since !== undefined) query = query.where('created_at', '>=', sql<Date>`${since}::timestamptz`)
  if (until !== undefined) query = query.where('created_at', '<', sql<Date>`${until}::timestamptz`)
  return query.orderBy('id', 'desc').limit(limit).execute()
}
