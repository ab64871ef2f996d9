import { createAuditTable } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'

/** The record takes the shape it has in every service; what had a column of its own is now in its details. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table audit_event rename to earlier_audit_event`.execute(db)
  await sql`alter index audit_event_pkey rename to earlier_audit_event_pkey`.execute(db)
  await createAuditTable(db)
  await sql`
    insert into audit_event (id, tenant_id, action, actor_kind, actor_id, subject_kind, subject_id, details, request_id, ip,
      created_at)
    select id, tenant_id, event, case when actor_user_id is null then 'system' else 'user' end, actor_user_id,
      case when token_id is null then 'device_flow' else 'device_token' end, token_id,
      details || jsonb_strip_nulls(jsonb_build_object('client_id', client_id, 'device_label', device_label)),
      request_id, ip, created_at
    from earlier_audit_event where tenant_id is not null`.execute(db)
  await sql`drop table earlier_audit_event`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table audit_event rename to later_audit_event`.execute(db)
  await sql`alter index audit_event_pkey rename to later_audit_event_pkey`.execute(db)
  await createEarlierTable(db)
  await sql`
    insert into audit_event
    select id, tenant_id, action, actor_id, subject_id, details ->> 'client_id', details ->> 'device_label', ip, request_id,
      details - 'client_id' - 'device_label', created_at
    from later_audit_event`.execute(db)
  await sql`drop table later_audit_event`.execute(db)
}

const createEarlierTable = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table audit_event (
      id uuid primary key,
      tenant_id uuid,
      event text not null,
      actor_user_id uuid,
      token_id uuid,
      client_id text,
      device_label text,
      ip text,
      request_id text,
      details jsonb not null default '{}',
      created_at timestamptz not null default now()
    )`.execute(db)
  await sql`create index audit_event_tenant on audit_event (tenant_id, id desc)`.execute(db)
}
