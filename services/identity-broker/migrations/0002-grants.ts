import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table "grant" (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      user_id uuid not null references "user" on delete cascade,
      connection_id uuid not null references connection on delete cascade,
      resources text[] not null,
      issuer text not null,
      token_endpoint text not null,
      client_id text not null,
      refresh_token bytea,
      generation integer not null default 1,
      epoch integer not null default 1,
      dead_reason text,
      attempt integer not null default 0,
      lease_owner uuid,
      lease_until timestamptz,
      sent_at timestamptz,
      backoff_until timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      unique (connection_id, user_id, resources)
    )`.execute(db)
  await sql`create index grant_user on "grant" (user_id)`.execute(db)
  await sql`create index grant_tenant on "grant" (tenant_id, created_at)`.execute(db)
  await sql`
    create table minted_token (
      grant_id uuid not null references "grant" on delete cascade,
      audience text not null,
      mode text not null,
      scopes text not null,
      token bytea not null,
      token_hash text not null,
      jti text,
      generation integer not null,
      issued_at timestamptz not null default now(),
      expires_at timestamptz not null,
      primary key (grant_id, audience, mode, scopes)
    )`.execute(db)
  await sql`
    create table issuance (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      user_id uuid not null references "user" on delete cascade,
      grant_id uuid,
      audience text not null,
      mode text not null,
      jti text,
      generation integer not null,
      expires_at timestamptz not null,
      created_at timestamptz not null default now()
    )`.execute(db)
  await sql`create index issuance_user on issuance (user_id, created_at desc)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  for (const table of ['issuance', 'minted_token', 'grant']) await db.schema.dropTable(table).execute()
}
