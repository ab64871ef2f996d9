import type { Role } from '@onbehalf/contracts'
import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'

export type RolesAmong = (tenant_id: string, ids: readonly string[]) => Promise<Map<string, Role | null>>

/**
 * Which of these are users of the tenant, with the role they have; null for somebody who is not a member. They stay until
 * the transaction ends, where there is one.
 */
export const rolesAmong =
  (db: Kysely<Database>): RolesAmong =>
  async (tenant_id, ids) => {
    if (ids.length === 0) return new Map()
    const rows = await db
      .selectFrom('user')
      .leftJoin('member', 'member.user_id', 'user.id')
      .select(['user.id', 'member.role'])
      .where('user.tenant_id', '=', tenant_id)
      .where('user.id', 'in', ids)
      .orderBy('user.id')
      .forKeyShare('user')
      .execute()
    return new Map(rows.map(({ id, role }) => [id, role]))
  }
