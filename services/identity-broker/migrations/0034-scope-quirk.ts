import { type Kysely, sql } from 'kysely'

// A quirk against naming scopes in a refresh, where none ever are: it changed nothing, and nobody could find it.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    update connection set quirks = array_remove(quirks, 'refresh_without_scope')
    where 'refresh_without_scope' = any(quirks)`.execute(db)
  await sql`delete from suspected_quirk where quirk = 'refresh_without_scope'`.execute(db)
}

// What was removed did nothing.
export const down = async (): Promise<void> => {}
