import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // Why the authorization server does not renew what it gave, while what there is goes on.
  await sql`alter table oauth_credential add column refused_reason text`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table oauth_credential drop column refused_reason`.execute(db)
}
