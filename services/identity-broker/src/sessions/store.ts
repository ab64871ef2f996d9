import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'

export type SessionStore = ReturnType<typeof sessionStore>

export const sessionStore = (db: Kysely<Database>) => ({
  insert: (session: { id: string; tenant_id: string; user_id: string; expires_at: Date }) =>
    db
      .insertInto('session')
      .values({ ...session, ended_at: null })
      .execute(),

  /** A session that has not ended, with the role its user has now. */
  findLive: (tenant_id: string, id: string) =>
    db
      .selectFrom('session')
      .leftJoin('member', 'member.user_id', 'session.user_id')
      .select(['session.id', 'session.user_id', 'session.expires_at', 'member.role'])
      .where('session.id', '=', id)
      .where('session.tenant_id', '=', tenant_id)
      .where('session.ended_at', 'is', null)
      .where('session.expires_at', '>', (eb) => eb.fn<Date>('now'))
      .executeTakeFirst(),

  end: async (tenant_id: string, id: string): Promise<boolean> => {
    const { numUpdatedRows } = await db
      .updateTable('session')
      .set({ ended_at: (eb) => eb.fn<Date>('now') })
      .where('id', '=', id)
      .where('tenant_id', '=', tenant_id)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    return numUpdatedRows > 0n
  }
})
