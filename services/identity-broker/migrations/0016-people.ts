import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await membership(db)
  await apps(db)
}

const membership = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table "user" add column signed_in_at timestamptz`.execute(db)
  await sql`
    update "user" set signed_in_at = (select max(created_at) from session where session.user_id = "user".id)`.execute(
    db
  )
  await sql`create index member_tenant on member (tenant_id, role)`.execute(db)
  await sql`
    create table invitation (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      email text not null,
      role text not null check (role in ('owner', 'admin', 'member')),
      token_hash text not null unique,
      invited_by uuid not null references "user" on delete cascade,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      accepted_at timestamptz,
      accepted_by uuid references "user" on delete set null,
      revoked_at timestamptz,
      check (accepted_at is null or revoked_at is null)
    )`.execute(db)
  await sql`create index invitation_page on invitation (tenant_id, id desc)`.execute(db)
  await sql`
    create table domain (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      name text not null check (name = lower(name)),
      token text not null,
      verified_at timestamptz,
      verified_by text check (verified_by in ('dns', 'instance')),
      checked_at timestamptz,
      created_at timestamptz not null default now(),
      constraint domain_claimed unique (tenant_id, name),
      check ((verified_at is null) = (verified_by is null))
    )`.execute(db)
  // Several tenants may claim a domain; one at most has proved that it is theirs.
  await sql`create unique index domain_verified on domain (name) where verified_at is not null`.execute(db)
}

const apps = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table app add column return_urls text[] not null default '{}'`.execute(db)
  await sql`alter table app add column link_keys jsonb not null default '[]'`.execute(db)
  await sql`alter table api_key add column scopes text[] not null default '{tools:call,tools:list}'`.execute(db)
  await sql`alter table api_key add column last_used_at timestamptz`.execute(db)
  await sql`alter table api_key drop constraint api_key_act_for_check`.execute(db)
  await sql`
    alter table api_key add constraint api_key_act_for_check check (act_for in ('none', 'linked', 'listed', 'any'))`.execute(
    db
  )
  await sql`create index api_key_page on api_key (app_id, id desc)`.execute(db)
  await sql`
    create table link (
      id uuid primary key,
      tenant_id uuid not null references tenant on delete cascade,
      app_id uuid not null references app on delete cascade,
      external_id text not null,
      user_id uuid not null references "user" on delete cascade,
      status text not null check (status in ('pending', 'active')),
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint link_external_id_taken unique (app_id, external_id)
    )`.execute(db)
  await sql`create index link_user on link (user_id, app_id)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  for (const table of ['link', 'domain', 'invitation']) await db.schema.dropTable(table).execute()
  await sql`drop index api_key_page`.execute(db)
  // What the earlier table cannot say is the least it can.
  await sql`update api_key set act_for = 'none' where act_for = 'linked'`.execute(db)
  await sql`alter table api_key drop constraint api_key_act_for_check`.execute(db)
  await sql`
    alter table api_key add constraint api_key_act_for_check check (act_for in ('none', 'listed', 'any'))`.execute(db)
  await sql`alter table api_key drop column scopes, drop column last_used_at`.execute(db)
  await sql`alter table app drop column return_urls, drop column link_keys`.execute(db)
  await sql`drop index member_tenant`.execute(db)
  await sql`alter table "user" drop column signed_in_at`.execute(db)
}
