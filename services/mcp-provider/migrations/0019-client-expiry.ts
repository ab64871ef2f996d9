import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // One that is not current begins nothing new: what it was given goes on with it until its secret ends.
  await sql`
    alter table oauth_client
      add column is_current boolean not null default true,
      add column renew_at timestamptz,
      add column secret_expires_at timestamptz,
      drop constraint oauth_client_once`.execute(db)
  await sql`
    create unique index oauth_client_once on oauth_client (tenant_id, issuer, redirect_uri)
      nulls not distinct where is_current`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`delete from oauth_client where not is_current`.execute(db)
  await sql`drop index oauth_client_once`.execute(db)
  await sql`
    alter table oauth_client
      drop column is_current,
      drop column renew_at,
      drop column secret_expires_at,
      add constraint oauth_client_once unique nulls not distinct (tenant_id, issuer, redirect_uri)`.execute(db)
}
