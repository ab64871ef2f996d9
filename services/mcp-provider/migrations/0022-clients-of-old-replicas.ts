import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // The same again as a constraint: replicas from before 0019, which run on while they are replaced, name it. A
  // unique constraint can neither be partial nor over an expression; an exclusion can, and serves `do nothing`, as they say.
  await sql`drop index oauth_client_once`.execute(db)
  await sql`
    alter table oauth_client add constraint oauth_client_once
      exclude using btree (tenant_id with =, issuer with =, (coalesce(redirect_uri, '')) with =) where (is_current)`.execute(
    db
  )
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table oauth_client drop constraint oauth_client_once`.execute(db)
  await sql`
    create unique index oauth_client_once on oauth_client (tenant_id, issuer, redirect_uri)
      nulls not distinct where is_current`.execute(db)
}
