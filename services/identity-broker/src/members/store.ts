import type { Role } from '@onbehalf/contracts'
import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { Database, Writing } from '../database.ts'
import { appsLetBy } from './let-by-store.ts'

export type MemberStore = ReturnType<typeof memberStore>
export type MemberWrites = ReturnType<typeof writes>

type Filter = { search?: string; role?: Role; cursor?: string; limit: number }

export const memberStore = (db: Kysely<Database>) => ({
  transaction: <Result>(tenant_id: string, work: (store: MemberWrites) => Promise<Result>): Promise<Result> =>
    db.transaction().execute((transaction) => work(writes(transaction, tenant_id))),

  appsLetBy: appsLetBy(db),

  find: (tenant_id: string, id: string) => members(db, tenant_id).where('user.id', '=', id).executeTakeFirst(),

  /** The tenant's members, the newest user first, those before `cursor`; `search` is any part of e-mail, name or subject. */
  page: (tenant_id: string, { search, role, cursor, limit }: Filter) => {
    let query = members(db, tenant_id)
    if (role !== undefined) query = query.where('member.role', '=', role)
    if (cursor !== undefined) query = query.where('user.id', '<', cursor)
    if (search !== undefined) {
      const like = `%${search.replace(/[\\%_]/g, '\\$&')}%`
      query = query.where((where) =>
        where.or([
          where('user.email', 'ilike', like),
          where('user.name', 'ilike', like),
          where('user.subject', 'ilike', like)
        ])
      )
    }
    return query.orderBy('user.id', 'desc').limit(limit).execute()
  }
})

const members = (db: Kysely<Database>, tenant_id: string) =>
  db
    .selectFrom('member')
    .innerJoin('user', 'user.id', 'member.user_id')
    .select([
      'user.id',
      'user.connection_id',
      'user.subject',
      'user.email',
      'user.is_email_verified',
      'user.name',
      'user.signed_in_at',
      'member.role',
      'member.created_at'
    ])
    .where('member.tenant_id', '=', tenant_id)

const writes = (transaction: Writing, tenant_id: string) => ({
  /** The roles of all owners and of `ids`, held until the transaction ends: who comes second sees what the first did. */
  lock: async (ids: string[]): Promise<Map<string, Role>> => {
    const rows = await transaction
      .selectFrom('member')
      .select(['user_id', 'role'])
      .where('tenant_id', '=', tenant_id)
      .where((where) => where.or([where('role', '=', 'owner'), where('user_id', 'in', ids)]))
      .orderBy('user_id')
      .forUpdate()
      .execute()
    return new Map(rows.map(({ user_id, role }) => [user_id, role]))
  },
  setRole: (user_id: string, role: Role) =>
    transaction
      .updateTable('member')
      .set({ role })
      .where('tenant_id', '=', tenant_id)
      .where('user_id', '=', user_id)
      .execute(),
  remove: (user_id: string) =>
    transaction.deleteFrom('member').where('tenant_id', '=', tenant_id).where('user_id', '=', user_id).execute(),
  record: (event: AuditEvent) => recordAudit(transaction, event)
})
