import { type Kysely, sql } from 'kysely'

// A refresh writes its grant twice. With room for one more version in each page, and no index over what it changes, the
// indexes stay as they are (heap-only tuples), and the next write takes the room of the version before the last.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table "grant" set (fillfactor = 93)`.execute(db)
  await sql`alter table minted_token set (fillfactor = 75)`.execute(db)
  // A user has one connection: it tells no two grants of theirs apart.
  await sql`create unique index grant_of_user_now on "grant" (user_id, hash_array_extended(resources, 0))`.execute(db)
  await sql`drop index grant_of_user`.execute(db)
  await sql`alter index grant_of_user_now rename to grant_of_user`.execute(db)
  // Rows come in the order of their time: a summary of each range of pages finds the old ones as well as an entry a row.
  await sql`drop index issuance_age`.execute(db)
  await sql`create index issuance_age on issuance using brin (last_at) with (autosummarize = on)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index issuance_age`.execute(db)
  await sql`create index issuance_age on issuance (last_at)`.execute(db)
  await sql`
    create unique index grant_of_user_then on "grant" (user_id, connection_id, hash_array_extended(resources, 0))`.execute(
    db
  )
  await sql`drop index grant_of_user`.execute(db)
  await sql`alter index grant_of_user_then rename to grant_of_user`.execute(db)
  await sql`alter table minted_token reset (fillfactor)`.execute(db)
  await sql`alter table "grant" reset (fillfactor)`.execute(db)
}
