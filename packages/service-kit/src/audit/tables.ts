import { type ColumnType, type Generated, type Kysely, sql } from 'kysely'

export type ActorKind = 'user' | 'app' | 'installation' | 'system'

/** What is told beside who did what: names of fields, counts, words; never the value of a secret. */
export type AuditDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/**
 * What administrators and users changed, of every service that keeps such a record. It belongs to no service's own
 * domain, which is why it is shaped here once; each service has its own rows under its own role.
 */
export type AuditTables = {
  audit_event: {
    id: string
    tenant_id: string
    /** What was done to what, as `app.created`. */
    action: string
    actor_kind: ActorKind
    /** Null for `system`. */
    actor_id: string | null
    subject_kind: string
    subject_id: string | null
    details: ColumnType<AuditDetails, string, never>
    request_id: string | null
    ip: string | null
    created_at: Generated<Date>
  }
}

/** For a migration: creates the table. */
export const createAuditTable = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table audit_event (
      id uuid primary key,
      tenant_id uuid not null,
      action text not null,
      actor_kind text not null check (actor_kind in ('user', 'app', 'installation', 'system')),
      actor_id uuid,
      subject_kind text not null,
      subject_id uuid,
      details jsonb not null default '{}',
      request_id text,
      ip text,
      created_at timestamptz not null default now(),
      check ((actor_id is null) = (actor_kind = 'system'))
    )`.execute(db)
  await sql`create index audit_event_page on audit_event (tenant_id, id desc)`.execute(db)
  await sql`create index audit_event_subject on audit_event (tenant_id, subject_id, id desc)`.execute(db)
}

/** For a migration: takes the table back. */
export const dropAuditTable = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('audit_event').execute()
}
