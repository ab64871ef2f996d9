import { type Kysely, sql } from 'kysely'

// In seconds; null: approving a device asks for no fresh sign-in.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table device_setting
      add column approval_max_age integer check (approval_max_age between 60 and 2592000)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table device_setting drop column approval_max_age`.execute(db)
}
