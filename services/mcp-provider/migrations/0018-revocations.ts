import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // What was dropped here and is still to be taken back at the authorization server that gave it; `authentication` is sealed
  // for the provider, which may be gone.
  await sql`
    create table oauth_revocation (
      credential_id uuid not null,
      generation integer not null,
      tenant_id uuid not null,
      provider_id uuid not null,
      user_id uuid,
      issuer text not null,
      token_endpoint text not null,
      client_id text not null,
      grant_type text not null,
      resource text not null,
      refresh_token bytea,
      access_token bytea,
      authentication bytea,
      authorization_issuer text,
      attempt integer not null default 0,
      due_at timestamptz not null default now(),
      created_at timestamptz not null default now(),
      primary key (credential_id, generation)
    )`.execute(db)
  await sql`create index oauth_revocation_due on oauth_revocation (due_at)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('oauth_revocation').execute()
}
