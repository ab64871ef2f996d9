import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table provider add column tools_due_at timestamptz not null default now() + interval '1 hour'`.execute(db)
  await sql`create index provider_tools_due on provider (tools_due_at)`.execute(db)
  await sql`create index provider_by_name on provider (tenant_id, lower(name), id)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index provider_by_name`.execute(db)
  await sql`alter table provider drop column tools_due_at`.execute(db)
}
