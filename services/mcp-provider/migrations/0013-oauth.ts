import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // The authorization server that the provider's own client_secret was first shown to: no other one gets it.
  await sql`alter table provider add column authorization_issuer text`.execute(db)
  await sql`
    create table oauth_client (
      id uuid primary key,
      tenant_id uuid not null,
      issuer text not null,
      registration bytea not null,
      created_at timestamptz not null default now(),
      constraint oauth_client_once unique (tenant_id, issuer)
    )`.execute(db)
  await sql`
    create table oauth_credential (
      id uuid primary key,
      tenant_id uuid not null,
      provider_id uuid not null references provider (id) on delete cascade,
      user_id uuid,
      issuer text not null,
      token_endpoint text not null,
      client_id text not null,
      grant_type text not null,
      resource text not null,
      scope text not null,
      wanted_scope text,
      refresh_token bytea,
      access_token bytea,
      access_token_hash text,
      issued_at timestamptz,
      renew_at timestamptz,
      expires_at timestamptz,
      generation integer not null default 1,
      epoch integer not null default 0,
      attempt integer not null default 0,
      lease_owner uuid,
      lease_until timestamptz,
      sent_at timestamptz,
      backoff_until timestamptz,
      dead_reason text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint oauth_credential_once unique nulls not distinct (provider_id, user_id)
    )`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('oauth_credential').execute()
  await db.schema.dropTable('oauth_client').execute()
  await sql`alter table provider drop column authorization_issuer`.execute(db)
}
