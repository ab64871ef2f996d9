import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database, Session } from '../database.ts'

export type SessionStore = ReturnType<typeof sessionStore>
export type Renewing = ReturnType<typeof renewing>

type NewSession = Omit<Session, 'is_member' | 'created_at' | 'renewed_at' | 'ended_at'>

/** Within this time an old renewal token still counts: two tabs may have sent it at once, or an answer was lost. */
const graceSeconds = 30
/** How long ended sessions are kept. */
const keptDays = 7

const isLive = sql<boolean>`session.ended_at is null and session.expires_at > now() and session.idle_until > now()`
// What began as a member's session does not go on without the membership.
const isRenewable = sql<boolean>`${isLive} and (not session.is_member or member.user_id is not null)`

const ended = { ended_at: sql<Date>`now()`, id_token: null }

export const sessionStore = (db: Kysely<Database>) => ({
  /** A new session, and the hash of what renews it; old ones of its user are forgotten. */
  insert: (session: NewSession, renewalHash: string): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      await transaction
        .deleteFrom('session')
        .where('user_id', '=', session.user_id)
        .where(sql<boolean>`least(ended_at, idle_until, expires_at) < now() - make_interval(days => ${keptDays})`)
        .execute()
      const is_member = sql<boolean>`exists (select from member where user_id = ${session.user_id})`
      await transaction
        .insertInto('session')
        .values({ ...session, is_member, ended_at: null })
        .execute()
      await transaction
        .insertInto('session_renewal')
        .values({ hash: renewalHash, session_id: session.id, seed: null, replaced_at: null })
        .execute()
    }),

  /** A session that has not ended, with the role its user has now. */
  findLive: (tenant_id: string, id: string) =>
    db
      .selectFrom('session')
      .leftJoin('member', 'member.user_id', 'session.user_id')
      .select(['session.id', 'session.user_id', 'session.idle_until', 'session.expires_at', 'member.role'])
      .where('session.id', '=', id)
      .where('session.tenant_id', '=', tenant_id)
      .where(isLive)
      .executeTakeFirst(),

  /** Work on one session while no other renewal of it goes on. */
  renewing: <Result>(work: (store: Renewing) => Promise<Result>): Promise<Result> =>
    db.transaction().execute((transaction) => work(renewing(transaction))),

  end: async (tenant_id: string, id: string): Promise<boolean> => {
    const { numUpdatedRows } = await db
      .updateTable('session')
      .set(ended)
      .where('id', '=', id)
      .where('tenant_id', '=', tenant_id)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    return numUpdatedRows > 0n
  },

  /** Ends the session that a renewal token belongs to; answers with its id, if it had not ended before. */
  endByRenewal: async (hash: string): Promise<string | undefined> => {
    const row = await db
      .updateTable('session')
      .set(ended)
      .where('id', '=', (eb) => eb.selectFrom('session_renewal').select('session_id').where('hash', '=', hash))
      .where('ended_at', 'is', null)
      .returning('id')
      .executeTakeFirst()
    return row?.id
  }
})

const renewing = (transaction: Transaction<Database>) => ({
  /** The session a renewal token belongs to, held until the work ends: tabs that renew at once take turns. */
  lock: (renewalHash: string) =>
    transaction
      .selectFrom('session')
      .leftJoin('member', 'member.user_id', 'session.user_id')
      .selectAll('session')
      .select(isRenewable.as('is_renewable'))
      .where('session.id', '=', (eb) =>
        eb.selectFrom('session_renewal').select('session_id').where('hash', '=', renewalHash)
      )
      .forUpdate('session')
      .executeTakeFirst(),

  /** What became of a renewal token: its seed once it was replaced, and whether that is too long ago. */
  find: (hash: string) =>
    transaction
      .selectFrom('session_renewal')
      .select('seed')
      .select(sql<boolean>`replaced_at < clock_timestamp() - make_interval(secs => ${graceSeconds})`.as('is_late'))
      .where('hash', '=', hash)
      .executeTakeFirst(),

  replace: async (session_id: string, { hash, seed, next }: { hash: string; seed: string; next: string }) => {
    await transaction
      .updateTable('session_renewal')
      .set({ seed, replaced_at: sql<Date>`clock_timestamp()` })
      .where('hash', '=', hash)
      .execute()
    await transaction
      .insertInto('session_renewal')
      .values({ hash: next, session_id, seed: null, replaced_at: null })
      .execute()
  },

  keepUntil: (id: string, idle_until: Date) =>
    transaction.updateTable('session').set({ idle_until, renewed_at: sql<Date>`now()` }).where('id', '=', id).execute(),

  end: (id: string) => transaction.updateTable('session').set(ended).where('id', '=', id).execute()
})
