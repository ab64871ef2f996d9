import { createKeyTables, dropKeyTables } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await createKeyTables(db)
  await sql`
    create table tenant (
      id uuid primary key,
      slug text not null unique,
      name text not null,
      created_at timestamptz not null default now()
    )`.execute(db)
  await sql`
    create table connection (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      name text not null,
      issuer text not null,
      client_id text not null,
      client_secret bytea,
      client_authentication text not null check (client_authentication in ('basic', 'post', 'none')),
      scopes text not null,
      resource_support text not null check (resource_support in ('many', 'one', 'none')),
      revision integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      unique (tenant_id, name)
    )`.execute(db)
  await sql`
    create table "user" (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      connection_id uuid not null references connection on delete cascade,
      subject text not null,
      email text,
      is_email_verified boolean not null default false,
      name text,
      created_at timestamptz not null default now(),
      unique (connection_id, subject)
    )`.execute(db)
  await sql`create index user_tenant on "user" (tenant_id)`.execute(db)
  await sql`
    create table member (
      user_id uuid primary key references "user" on delete cascade,
      tenant_id uuid not null references tenant on delete cascade,
      role text not null check (role in ('owner', 'admin', 'member')),
      created_at timestamptz not null default now()
    )`.execute(db)
  await sql`
    create table session (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      user_id uuid not null references "user" on delete cascade,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      ended_at timestamptz
    )`.execute(db)
  await sql`create index session_by_user on session (user_id)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  for (const table of ['session', 'member', 'user', 'connection', 'tenant']) await db.schema.dropTable(table).execute()
  await dropKeyTables(db)
}
