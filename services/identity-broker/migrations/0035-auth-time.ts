import { type Kysely, sql } from 'kysely'

// When the IdP authenticated who signed in; nobody knows of the sessions of before.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table session add column auth_time timestamptz`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table session drop column auth_time`.execute(db)
}
