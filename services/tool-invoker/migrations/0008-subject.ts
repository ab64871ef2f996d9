import { type Kysely, sql } from 'kysely'

/** As whom the server was called: the subject of the token, which is not the id that the user has here. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  // It may be null, so that a replica which does not know it yet can go on writing.
  await sql`alter table call add column subject text`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table call drop column subject`.execute(db)
}
