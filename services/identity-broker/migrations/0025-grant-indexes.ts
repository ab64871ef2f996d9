import { type Kysely, sql } from 'kysely'

// A grant is found by its user, a tenant's list goes by id, and a connection's grants end with it: three narrow indexes,
// of which the first also keeps a user from two grants for the same resources. Their hash takes a third of the room.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create unique index grant_of_user on "grant" (user_id, connection_id, hash_array_extended(resources, 0))`.execute(
    db
  )
  await sql`create index grant_connection on "grant" (connection_id)`.execute(db)
  await sql`create index grant_page on "grant" (tenant_id, id)`.execute(db)
  await sql`alter table "grant" drop constraint grant_connection_id_user_id_resources_key`.execute(db)
  await sql`drop index grant_user`.execute(db)
  await sql`drop index grant_tenant`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index grant_tenant on "grant" (tenant_id, created_at)`.execute(db)
  await sql`create index grant_user on "grant" (user_id)`.execute(db)
  await sql`
    alter table "grant"
      add constraint grant_connection_id_user_id_resources_key unique (connection_id, user_id, resources)`.execute(db)
  for (const index of ['grant_page', 'grant_connection', 'grant_of_user']) await db.schema.dropIndex(index).execute()
}
