import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table device_webhook (
      tenant_id uuid primary key,
      id uuid not null,
      url bytea not null,
      secret bytea not null,
      created_at timestamptz not null default now(),
      last_delivered_at timestamptz,
      last_failed_at timestamptz,
      last_error text
    )`.execute(db)
  // Written with the token it tells of: what is here survives whoever was to send it.
  await sql`
    create table webhook_delivery (
      id uuid primary key,
      tenant_id uuid not null,
      facts jsonb not null,
      attempts integer not null default 0,
      due_at timestamptz not null default now(),
      created_at timestamptz not null default now(),
      ended_at timestamptz
    )`.execute(db)
  await sql`create index webhook_delivery_due on webhook_delivery (due_at) where ended_at is null`.execute(db)
  await sql`create index webhook_delivery_ended on webhook_delivery (ended_at) where ended_at is not null`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('webhook_delivery').execute()
  await db.schema.dropTable('device_webhook').execute()
}
