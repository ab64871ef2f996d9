import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql, type Transaction } from 'kysely'
import { type InIdpSession, inIdpSession } from '../back-channel/idp-session-store.ts'
import { holdConnection } from '../connections/store.ts'
import type { Connection, Database, Grant } from '../database.ts'

export type GrantStore = ReturnType<typeof grantStore>

type OwnerKey = Pick<Grant, 'tenant_id' | 'user_id' | 'connection_id'>
type NewGrant = OwnerKey &
  Pick<Grant, 'id' | 'resources' | 'issuer' | 'token_endpoint' | 'client_id' | 'generation'> &
  Pick<Grant, 'is_offline' | 'idp_session'> & { refresh_token: Buffer }

/** `isLive`: without those that have ended. */
type Page = { user_id?: string; limit: number; before?: string; isLive?: boolean }

const freed = { attempt: 0, lease_owner: null, lease_until: null, sent_at: null, backoff_until: null }

export const grantStore = (db: Kysely<Database> | Transaction<Database>) => ({
  transaction: <Result>(work: (store: ReturnType<typeof grantWrites>) => Promise<Result>): Promise<Result> =>
    db.transaction().execute((transaction) => work(grantWrites(transaction))),

  /** Every grant of a user at a connection, the newest first. */
  listOf: ({ tenant_id, user_id, connection_id }: OwnerKey): Promise<Grant[]> =>
    db
      .selectFrom('grant')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('user_id', '=', user_id)
      .where('connection_id', '=', connection_id)
      .orderBy('updated_at', 'desc')
      .execute(),

  find: (tenant_id: string, id: string): Promise<Grant | undefined> =>
    db.selectFrom('grant').selectAll().where('tenant_id', '=', tenant_id).where('id', '=', id).executeTakeFirst(),

  /** A page of a tenant's grants, or of one user's, newest first; `before` is the last id of the page before. */
  page: (tenant_id: string, { user_id, limit, before, isLive = false }: Page) =>
    db
      .selectFrom('grant')
      .innerJoin('connection', 'connection.id', 'grant.connection_id')
      .select([
        'grant.id',
        'grant.user_id',
        'grant.connection_id',
        'connection.name as connection_name',
        'grant.resources',
        'grant.dead_reason',
        'grant.created_at',
        'grant.updated_at'
      ])
      .where('grant.tenant_id', '=', tenant_id)
      .$if(user_id !== undefined, (query) => query.where('grant.user_id', '=', user_id ?? ''))
      .$if(isLive, (query) => query.where('grant.dead_reason', 'is', null))
      .$if(before !== undefined, (query) => query.where('grant.id', '<', before ?? ''))
      .orderBy('grant.id', 'desc')
      .limit(limit)
      .execute(),

  /** Drops the minted tokens of a grant; what is under way is not kept either. */
  emptyTokens: (tenant_id: string, id: string, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('grant')
        .set({ epoch: sql`epoch + 1` })
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .executeTakeFirst()
      await transaction.deleteFrom('minted_token').where('grant_id', '=', id).execute()
      if (numUpdatedRows > 0n) await recordAudit(transaction, event)
      return numUpdatedRows > 0n
    }),

  /** Ends a grant because somebody wants it; answers with what it was until then, undefined where it had ended. */
  revoke: (tenant_id: string, id: string, event: AuditEvent): Promise<Grant | undefined> =>
    db.transaction().execute(async (transaction) => {
      const alive = await grantWrites(transaction).lockAlive(tenant_id, id)
      if (!alive) return undefined
      await grantWrites(transaction).end(tenant_id, id, 'revoked')
      await recordAudit(transaction, event)
      return alive
    }),

  /**
   * Ends a grant, if it is still as `expected`: nothing of it is usable any more. The row stays, so that its user is
   * told why.
   */
  kill: (
    tenant_id: string,
    id: string,
    reason: string,
    expected: Pick<Grant, 'generation' | 'attempt'>
  ): Promise<boolean> =>
    db.transaction().execute((transaction) => grantWrites(transaction).end(tenant_id, id, reason, expected))
})

const deadBecause = (dead_reason: string) => ({
  ...freed,
  refresh_token: null,
  dead_reason,
  generation: sql<number>`generation + 1`,
  epoch: sql<number>`epoch + 1`,
  updated_at: sql<Date>`now()`
})

export const grantWrites = (transaction: Transaction<Database>) => ({
  holdConnection: (connection: Pick<Connection, 'id' | 'revision'>) => holdConnection(transaction, connection),

  /** All grants of the owner, held until the transaction ends; two sign-ins at once take turns. */
  lockFor: async ({ tenant_id, user_id, connection_id }: OwnerKey) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`grant ${connection_id} ${user_id}`}, 0))`.execute(
      transaction
    )
    return transaction
      .selectFrom('grant')
      .select(['id', 'resources', 'generation'])
      .where('tenant_id', '=', tenant_id)
      .where('user_id', '=', user_id)
      .where('connection_id', '=', connection_id)
      .forUpdate()
      .execute()
  },
  lockAlive: (tenant_id: string, id: string): Promise<Grant | undefined> =>
    transaction
      .selectFrom('grant')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('id', '=', id)
      .where('dead_reason', 'is', null)
      .forUpdate()
      .executeTakeFirst(),

  put: async (grant: NewGrant): Promise<void> => {
    const fresh = { ...grant, ...freed, dead_reason: null }
    await transaction
      .insertInto('grant')
      .values(fresh)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({ ...fresh, epoch: sql`"grant".epoch + 1`, updated_at: sql`now()` })
      )
      .execute()
    await transaction.deleteFrom('minted_token').where('grant_id', '=', grant.id).execute()
  },
  end: async (
    tenant_id: string,
    id: string,
    reason: string,
    expected: Partial<Pick<Grant, 'generation' | 'attempt'>> = {}
  ): Promise<boolean> => {
    const { numUpdatedRows } = await transaction
      .updateTable('grant')
      .set(deadBecause(reason))
      .where('tenant_id', '=', tenant_id)
      .where('id', '=', id)
      .where('dead_reason', 'is', null)
      .where((eb) => eb.and(expected))
      .executeTakeFirst()
    if (numUpdatedRows > 0n) await transaction.deleteFrom('minted_token').where('grant_id', '=', id).execute()
    return numUpdatedRows > 0n
  },
  /** Ends those that were given in a session at the IdP which is over, and not for when their user is away. */
  endInIdpSession: async (which: InIdpSession) => {
    const ended = await transaction
      .updateTable('grant')
      .set(deadBecause('idp_logout'))
      .where(sql<boolean>`${inIdpSession(which)} and not is_offline and dead_reason is null`)
      .returning(['id', 'user_id'])
      .execute()
    for (const { id } of ended) await transaction.deleteFrom('minted_token').where('grant_id', '=', id).execute()
    return ended
  },
  delete: async (ids: string[]): Promise<void> => {
    if (ids.length > 0) await transaction.deleteFrom('grant').where('id', 'in', ids).execute()
  }
})
