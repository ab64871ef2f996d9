import { createKeyTables, dropKeyTables } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await createKeyTables(db)
  await sql`
    create table provider (
      id uuid primary key,
      tenant_id uuid not null,
      name text not null,
      server_identifier text not null,
      server_url bytea not null,
      server_url_hash text not null,
      icon text,
      icon_type text,
      icon_background text,
      headers bytea,
      authentication bytea,
      timeout double precision not null,
      sse_read_timeout double precision not null,
      forward_user_identity boolean not null,
      identity_mode text not null,
      tools_status text not null,
      tools_error text,
      tools_listed_at timestamptz,
      revision integer not null default 1,
      reach_revision integer not null default 1,
      created_by uuid not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint provider_name_taken unique (tenant_id, name),
      constraint provider_server_identifier_taken unique (tenant_id, server_identifier),
      constraint provider_server_url_taken unique (tenant_id, server_url_hash),
      constraint provider_forwards_something check (not (forward_user_identity and identity_mode = 'off'))
    )`.execute(db)
  await sql`create index provider_page on provider (tenant_id, id)`.execute(db)
  // json, not jsonb: a schema is passed on as the server wrote it, and jsonb refuses some of what JSON allows.
  await sql`
    create table tool (
      provider_id uuid not null references provider (id) on delete cascade,
      name text not null,
      position integer not null,
      definition json not null,
      hash text not null,
      primary key (provider_id, name)
    )`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('tool').execute()
  await db.schema.dropTable('provider').execute()
  await dropKeyTables(db)
}
