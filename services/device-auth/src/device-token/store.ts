import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'

export type NewToken = {
  id: string
  tenant_id: string
  user_id: string
  issuer: string
  client_id: string
  device_label: string
  prefix: string
  token_hash: string
  lifetimeDays: number
}

export type LiveToken = Pick<
  Database['device_token'],
  'id' | 'tenant_id' | 'user_id' | 'issuer' | 'prefix' | 'client_id' | 'device_label' | 'last_used_at' | 'expires_at'
>

export type TokenStore = ReturnType<typeof tokenStore>

const liveColumns = [
  'id',
  'tenant_id',
  'user_id',
  'issuer',
  'prefix',
  'client_id',
  'device_label',
  'last_used_at',
  'expires_at'
] as const

export const tokenStore = (db: Kysely<Database>) => ({
  /**
   * Stores the token, or puts it in the place of the one that this person's device has: the row keeps its id, and the
   * token it held stops being found in the same commit as `eventsOf` it are recorded.
   */
  rotate: (token: NewToken, eventsOf: (id: string) => AuditEvent[]): Promise<{ id: string; expires_at: Date }> =>
    db.transaction().execute(async (transaction) => {
      await sql`set local lock_timeout = '2s'`.execute(transaction)
      const row = await upsert(transaction, token)
      await recordAudit(transaction, ...eventsOf(row.id))
      return row
    }),

  findLive: (token_hash: string): Promise<LiveToken | undefined> =>
    db
      .selectFrom('device_token')
      .select(liveColumns)
      .where('token_hash', '=', token_hash)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', sql<Date>`now()`)
      .executeTakeFirst(),

  /** Whether this call revoked it; false for one that was revoked before or is not there. */
  revoke: (id: string, tenant_id: string, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('device_token')
        .set({ revoked_at: sql<Date>`now()`, token_hash: null })
        .where('id', '=', id)
        .where('tenant_id', '=', tenant_id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return false
      await recordAudit(transaction, event)
      return true
    }),

  touch: async (id: string): Promise<void> => {
    await db.updateTable('device_token').set({ last_used_at: sql<Date>`now()` }).where('id', '=', id).execute()
  }
})

const upsert = (db: Kysely<Database>, { lifetimeDays, ...token }: NewToken) => {
  const expires_at = sql<Date>`now() + make_interval(days => ${lifetimeDays})`
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
