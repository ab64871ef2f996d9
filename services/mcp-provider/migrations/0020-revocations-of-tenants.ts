import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index oauth_revocation_of_tenant on oauth_revocation (tenant_id, created_at)`.execute(db)
}

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index oauth_revocation_of_tenant`.execute(db)
}
