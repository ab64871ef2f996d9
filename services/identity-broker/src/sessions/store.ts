import { type AuditContext, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { type InIdpSession, inIdpSession } from '../back-channel/idp-session-store.ts'
import type { Database, Session, Writing } from '../database.ts'

export type SessionStore = ReturnType<typeof sessionStore>
export type Renewing = ReturnType<typeof renewing>

type NewSession = Omit<Session, 'is_member' | 'created_at' | 'renewed_at' | 'ended_at'>

/** By which request a session begins or ends; by its own user where nobody else is named. */
export type By = Pick<AuditContext, 'request_id' | 'ip'> & Partial<Pick<AuditContext, 'actor'>>

/** Why a session ended, as the record has it. */
export type EndReason = 'signed_out' | 'ended_by_user' | 'signed_in_anew' | 'identity_provider' | 'renewal_reused'

/** Within this time an old renewal token still counts: two tabs may have sent it at once, or an answer was lost. */
const graceSeconds = 30
/** How many replaced renewal tokens are known for longer than an hour: more than a day of renewing every ten minutes makes. */
const renewalsMax = 200
/** How long ended sessions are kept. */
const keptDays = 7

const isLive = sql<boolean>`session.ended_at is null and session.expires_at > now() and session.idle_until > now()`
// What began as a member's session does not go on without the membership.
const isRenewable = sql<boolean>`${isLive} and (not session.is_member or member.user_id is not null)`

const ended = { ended_at: sql<Date>`now()`, id_token: null }

export const sessionStore = (db: Kysely<Database>) => ({
  /** A new session, and the hash of what renews it; old ones of its user are forgotten. */
  insert: (session: NewSession, renewalHash: string, by: By): Promise<void> =>
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
      await record(transaction, 'session.started', session, by)
    }),

  find: (tenant_id: string, id: string): Promise<Session | undefined> =>
    db.selectFrom('session').selectAll().where('id', '=', id).where('tenant_id', '=', tenant_id).executeTakeFirst(),

  /** A session that has not ended, with the role its user has now. */
  findLive: (tenant_id: string, id: string) =>
    db
      .selectFrom('session')
      .leftJoin('member', 'member.user_id', 'session.user_id')
      .select(['session.id', 'session.user_id', 'session.idle_until', 'session.expires_at', 'session.auth_time'])
      .select('member.role')
      .where('session.id', '=', id)
      .where('session.tenant_id', '=', tenant_id)
      .where(isLive)
      .executeTakeFirst(),

  /** Work on one session while no other renewal of it goes on. */
  renewing: <Result>(work: (store: Renewing) => Promise<Result>): Promise<Result> =>
    db.transaction().execute((transaction) => work(renewing(transaction))),

  /** A user's sessions that have not ended, the newest first, those before `cursor`. */
  page: ({ tenant_id, user_id }: Owner, { limit, cursor }: { limit: number; cursor?: string }): Promise<Session[]> =>
    db
      .selectFrom('session')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('user_id', '=', user_id)
      .where(isLive)
      .$if(cursor !== undefined, (query) => query.where('id', '<', cursor ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute(),

  // Each answers with the ids of those that had not ended before.
  end: ({ tenant_id, user_id }: Owner, id: string, reason: EndReason, by: By) =>
    endWhere(db, sql`tenant_id = ${tenant_id} and user_id = ${user_id} and id = ${id}`, reason, by),
  endAll: ({ tenant_id, user_id }: Owner, except: string | null, reason: EndReason, by: By) =>
    endWhere(db, sql`tenant_id = ${tenant_id} and user_id = ${user_id} and id is distinct from ${except}`, reason, by),
  endByRenewal: (hash: string, reason: EndReason, by: By) =>
    endWhere(db, sql`id = (select session_id from session_renewal where hash = ${hash})`, reason, by)
})

type Owner = Pick<Session, 'tenant_id' | 'user_id'>

const endWhere = (db: Kysely<Database>, which: RawBuilder<unknown>, reason: EndReason, by: By): Promise<string[]> =>
  db.transaction().execute((transaction) => endIn(transaction, which, reason, by))

/** The sessions here that belong to a session at the IdP, to one of its people, or to both. */
export const endIdpSessions = (transaction: Writing, which: InIdpSession, by: By): Promise<string[]> =>
  endIn(transaction, inIdpSession(which), 'identity_provider', by)

const endIn = async (
  transaction: Writing,
  which: RawBuilder<unknown>,
  reason: EndReason,
  by: By
): Promise<string[]> => {
  const rows = await transaction
    .updateTable('session')
    .set(ended)
    .where(sql<boolean>`${which} and ended_at is null`)
    .returning(['id', 'tenant_id', 'user_id'])
    .execute()
  for (const row of rows) await record(transaction, 'session.ended', row, by, reason)
  return rows.map(({ id }) => id)
}

const record = (
  transaction: Writing,
  action: string,
  { id, tenant_id, user_id }: Owner & Pick<Session, 'id'>,
  { actor = { kind: 'user', id: user_id }, ...request }: By,
  reason?: EndReason
): Promise<void> => {
  const details = { user_id, ...(reason ? { reason } : {}) }
  return recordAudit(transaction, { ...request, tenant_id, actor, action, subject: { kind: 'session', id }, details })
}

const renewing = (transaction: Writing) => ({
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
    await sql`
      delete from session_renewal where replaced_at < now() - interval '1 hour' and hash in (
        select hash from session_renewal where session_id = ${session_id} and replaced_at is not null
        order by replaced_at desc offset ${renewalsMax})`.execute(transaction)
  },

  keepUntil: (id: string, idle_until: Date) =>
    transaction.updateTable('session').set({ idle_until, renewed_at: sql<Date>`now()` }).where('id', '=', id).execute(),

  /** Somebody has a copy of what renews it. */
  endCopied: (id: string, by: By) => endIn(transaction, sql`id = ${id}`, 'renewal_reused', by)
})
