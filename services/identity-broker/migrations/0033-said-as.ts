import { type Kysely, sql } from 'kysely'

// As what somebody let an app act for others. What was said before stays without a role, which nobody recorded, and so
// reaches no owner or admin but themselves until an owner says it again.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table api_key add column set_by_role text check (set_by_role in ('owner', 'admin', 'member'))`.execute(db)
  await sql`
    alter table link add column allowed_by_role text check (allowed_by_role in ('owner', 'admin', 'member'))`.execute(
    db
  )
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table link drop column allowed_by_role`.execute(db)
  await sql`alter table api_key drop column set_by_role`.execute(db)
}
