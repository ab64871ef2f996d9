import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database, SignInFacts } from '../database.ts'
import { enqueueSignIn } from '../webhook/delivery-store.ts'

export type NewToken = {
  id: string
  tenant_id: string
  user_id: string
  issuer: string
  client_id: string
  device_label: string
  prefix: string
  token_hash: string
}

/** What became of a new token: the row that has it, and how long it lives. */
export type Stored = { id: string; expires_at: Date }

/** What is written down of a sign-in: for the tenant's record, and for whom it has told. */
export type SignInRecords = { events: AuditEvent[]; facts: SignInFacts }

export type HeldToken = Pick<
  Database['device_token'],
  'id' | 'tenant_id' | 'user_id' | 'issuer' | 'prefix' | 'last_used_at' | 'expires_at'
> & { is_expired: boolean }

/** Tokens of one tenant: one of them, or a user's, all or all but one. */
export type Which = { tenant_id: string; id?: string; user_id?: string; except?: string; token_hash?: string }

export type Ended = Pick<Database['device_token'], 'id' | 'tenant_id' | 'client_id' | 'device_label'>

export type TokenStore = ReturnType<typeof tokenStore>

const heldColumns = ['id', 'tenant_id', 'user_id', 'issuer', 'prefix', 'last_used_at', 'expires_at'] as const
const endedColumns = ['id', 'tenant_id', 'client_id', 'device_label'] as const
const isOver = sql<boolean>`expires_at <= now()`

export const tokenStore = (db: Kysely<Database>) => ({
  /**
   * Stores the token, or puts it in the place of the one that this person's device has: the row keeps its id, and the
   * token it held stops being found in the same commit as `recordsOf` it are written.
   */
  rotate: (token: NewToken, recordsOf: (stored: Stored) => SignInRecords): Promise<Stored> =>
    db.transaction().execute(async (transaction) => {
      await sql`set local lock_timeout = '2s'`.execute(transaction)
      const row = await upsert(transaction, token)
      const { events, facts } = recordsOf(row)
      await recordAudit(transaction, ...events)
      await enqueueSignIn(transaction, token.tenant_id, facts)
      return row
    }),

  /** One that was not ended, also when its time is over. */
  findByHash: (token_hash: string): Promise<HeldToken | undefined> =>
    db
      .selectFrom('device_token')
      .select([...heldColumns, isOver.as('is_expired')])
      .where('token_hash', '=', token_hash)
      .where('revoked_at', 'is', null)
      .executeTakeFirst(),

  /** Ends what had not ended yet, with an event each in the same commit. */
  revoke: (which: Which, eventOf: (token: Ended) => AuditEvent): Promise<Ended[]> =>
    db.transaction().execute(async (transaction) => {
      let query = transaction
        .updateTable('device_token')
        .set(ended)
        .where('tenant_id', '=', which.tenant_id)
        .where('revoked_at', 'is', null)
      for (const column of ['id', 'user_id', 'token_hash'] as const) {
        const wanted = which[column]
        if (wanted !== undefined) query = query.where(column, '=', wanted)
      }
      if (which.except !== undefined) query = query.where('id', '<>', which.except)
      const rows = await query.returning(endedColumns).execute()
      await recordAudit(transaction, ...rows.map(eventOf))
      return rows
    }),

  /** Ends some whose time is over, of every tenant; two replicas never end the same one. */
  expire: ({ id, max = 1 }: { id?: string; max?: number }, eventOf: (token: Ended) => AuditEvent): Promise<Ended[]> =>
    db.transaction().execute(async (transaction) => {
      let due = transaction.selectFrom('device_token').select('id').where('revoked_at', 'is', null).where(isOver)
      if (id !== undefined) due = due.where('id', '=', id)
      const rows = await transaction
        .updateTable('device_token')
        .set(ended)
        .where('id', 'in', due.limit(max).forUpdate().skipLocked())
        .returning(endedColumns)
        .execute()
      await recordAudit(transaction, ...rows.map(eventOf))
      return rows
    }),

  touch: async (id: string): Promise<void> => {
    await db.updateTable('device_token').set({ last_used_at: sql<Date>`now()` }).where('id', '=', id).execute()
  }
})

const ended = { revoked_at: sql<Date>`now()`, token_hash: null }

const upsert = (db: Kysely<Database>, token: NewToken): Promise<Stored> => {
  const ownDays = sql`select token_days from device_setting where tenant_id = ${token.tenant_id}`
  const expires_at = sql<Date>`now() + make_interval(days => coalesce((${ownDays}), ${defaultTokenDays}))`
  return db
    .insertInto('device_token')
    .values({ ...token, expires_at, last_used_at: null, revoked_at: null })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'user_id', 'issuer', 'client_id', 'device_label'])
        .where('revoked_at', 'is', null)
        .doUpdateSet({ token_hash: token.token_hash, prefix: token.prefix, expires_at, last_used_at: null })
    )
    .returning(['id', 'expires_at'])
    .executeTakeFirstOrThrow()
}

/** How long a token lives where its tenant says nothing of it. */
export const defaultTokenDays = 14
