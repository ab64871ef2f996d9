import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // What waits to be redeemed rests in Redis; a row is a link that holds.
  await sql`delete from link where status <> 'active'`.execute(db)
  await sql`alter table link drop column status`.execute(db)
  await sql`create index link_page on link (tenant_id, id desc)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index link_page`.execute(db)
  await sql`
    alter table link add column status text not null default 'active' check (status in ('pending', 'active'))`.execute(
    db
  )
  await sql`alter table link alter column status drop default`.execute(db)
}
