import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'

export type AllowedStore = ReturnType<typeof allowedStore>

/** Who may act for a user because an administrator said so; the user was not asked. */
export type Deputy = { name: string; kind: 'app' | 'platform' }

type Asked = { tenant_id: string; user_id: string; limit: number }

export const allowedStore = (db: Kysely<Database>) => ({
  /** Apps with a key that may act for them by their id here, and the platforms of their tenant; by name. */
  deputiesOf: async ({ tenant_id, user_id, limit }: Asked): Promise<Deputy[]> => {
    const { rows } = await sql<Deputy>`
      select name, kind from (
        select app.name, 'app' as kind from app where app.tenant_id = ${tenant_id} and exists (
          select from api_key where api_key.app_id = app.id and revoked_at is null
            and (expires_at is null or expires_at > now())
            and (act_for = 'any' or (act_for = 'listed' and ${user_id}::uuid = any(listed)))
            -- For owners and admins, what nobody said who may: members/rights.ts has the rule.
            and (
              set_by_kind = 'system' or set_by_id = ${user_id}
              or (set_by_role = 'owner' and exists (select from member where user_id = set_by_id and role = 'owner'))
              or not exists (select from member where user_id = ${user_id} and role <> 'member')
            )
        )
        union all
        select installation.name, 'platform' from installation
          join installation_tenant on installation_tenant.installation_id = installation.id
          where installation_tenant.tenant_id = ${tenant_id}
      ) as deputy order by name limit ${limit}`.execute(db)
    return rows
  }
})
