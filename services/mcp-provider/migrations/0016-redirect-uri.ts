import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // What was registered before is left without one: it goes on with what it was given, and begins nothing new.
  await sql`alter table oauth_client add column redirect_uri text`.execute(db)
  await sql`
    alter table oauth_client
      drop constraint oauth_client_once,
      add constraint oauth_client_once unique nulls not distinct (tenant_id, issuer, redirect_uri)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  // There was one for each issuer, for a redirect URI that these do not have.
  await sql`delete from oauth_client where redirect_uri is not null`.execute(db)
  await sql`
    alter table oauth_client
      drop constraint oauth_client_once,
      add constraint oauth_client_once unique (tenant_id, issuer)`.execute(db)
  await sql`alter table oauth_client drop column redirect_uri`.execute(db)
}
