import { createKeyTables, dropKeyTables } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await createKeyTables(db)
  await sql`
    create table instance_secret (
      name text primary key,
      sealed bytea not null,
      created_at timestamptz not null default now()
    )`.execute(db)
  await sql`
    create table device_token (
      id uuid primary key,
      tenant_id uuid not null,
      user_id uuid not null,
      issuer text not null check (issuer <> ''),
      client_id text not null,
      device_label text not null,
      prefix text not null,
      token_hash text unique,
      created_at timestamptz not null default now(),
      last_used_at timestamptz,
      expires_at timestamptz not null,
      revoked_at timestamptz,
      check (revoked_at is not null or token_hash is not null)
    )`.execute(db)
  // One live token per person and device: a new sign-in meets this index and rotates the row it finds.
  await sql`
    create unique index device_token_live
      on device_token (tenant_id, user_id, issuer, client_id, device_label)
      where revoked_at is null`.execute(db)
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

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('audit_event').execute()
  await db.schema.dropTable('device_token').execute()
  await db.schema.dropTable('instance_secret').execute()
  await dropKeyTables(db)
}
