import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'

/** The apps whose keys or links let them act for somebody because one of these users said so. */
export const appsLetBy =
  (db: Kysely<Database>) =>
  async (tenant_id: string, ids: readonly string[]): Promise<string[]> => {
    const { rows } = await sql<{ app_id: string }>`
      select app_id from api_key where tenant_id = ${tenant_id} and set_by_id = any(${ids})
      union select app_id from link
        where tenant_id = ${tenant_id} and allowed_by = any(${ids}) and allowed_by <> user_id`.execute(db)
    return rows.map(({ app_id }) => app_id)
  }
