import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table idempotency (
      tenant_id uuid not null,
      principal_id uuid not null,
      acting_id uuid not null,
      key_hash text not null,
      body_digest text not null,
      is_finished boolean not null default false,
      answer bytea,
      created_at timestamptz not null default now(),
      primary key (tenant_id, principal_id, acting_id, key_hash)
    )`.execute(db)
  await sql`create index idempotency_by_age on idempotency (created_at)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop table idempotency`.execute(db)
}
