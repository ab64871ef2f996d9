import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table app (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      name text not null,
      created_at timestamptz not null default now(),
      unique (tenant_id, name)
    )`.execute(db)
  await sql`
    create table api_key (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      app_id uuid not null references app on delete cascade,
      key_hash text not null unique,
      prefix text not null,
      act_for text not null check (act_for in ('none', 'listed', 'any')),
      listed uuid[] not null default '{}',
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      revoked_at timestamptz
    )`.execute(db)
  await sql`
    create table installation (
      id uuid primary key,
      name text not null unique,
      secret_hash text not null,
      tenant_ids uuid[] not null,
      audience_patterns text[] not null default '{}',
      created_at timestamptz not null default now()
    )`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  for (const table of ['installation', 'api_key', 'app']) await db.schema.dropTable(table).execute()
}
