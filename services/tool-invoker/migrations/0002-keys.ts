import { addKeyRotation, createKeyTables, dropKeyTables } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await createKeyTables(db)
  await addKeyRotation(db)
  await sql`create table instance_secret (name text primary key, sealed bytea not null)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.dropTable('instance_secret').execute()
  await dropKeyTables(db)
}
