import type { Claim, Progress } from '@onbehalf/lease'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../database.ts'

const millisecondsTo = (time: string) => sql<number>`greatest(0, extract(epoch from ${sql.ref(time)} - now()) * 1000)`
const inMilliseconds = (ms: number) => sql<Date>`now() + ${`${Math.ceil(ms)} milliseconds`}::interval`
const isOver = (time: string) => sql<boolean>`coalesce(${sql.ref(time)} <= now(), true)`

const freed = { lease_owner: null, lease_until: null, sent_at: null }

/** Who refreshes a grant: the columns of `grant` that say so, in the database's time. */
export const leaseStore = (db: Kysely<Database>) => ({
  read: async (id: string): Promise<Progress | undefined> => {
    const row = await db
      .selectFrom('grant')
      .select(['generation', 'attempt', 'dead_reason', 'lease_owner'])
      .select([millisecondsTo('lease_until').as('lease_ms'), millisecondsTo('backoff_until').as('backoff_ms')])
      .where('id', '=', id)
      .executeTakeFirst()
    if (!row) return undefined
    const { generation, attempt, dead_reason, lease_owner: owner } = row
    const [leaseMs, backoffMs] = [Number(row.lease_ms ?? 0), Number(row.backoff_ms ?? 0)]
    return { generation, attempt, isDead: dead_reason !== null, owner, leaseMs, backoffMs }
  },

  /** The grant and its user's subject, if the claim could be made: compared and written in one statement. */
  take: ({ id, owner, generation, attempt }: Claim, leaseMs: number) =>
    db
      .updateTable('grant')
      .set({ lease_owner: owner, lease_until: inMilliseconds(leaseMs), sent_at: sql`now()`, attempt })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('attempt', '=', attempt - 1)
      .where('dead_reason', 'is', null)
      .where(isOver('lease_until'))
      .where(isOver('backoff_until'))
      .returningAll()
      .returning((eb) =>
        eb
          .selectFrom('user')
          .select('subject')
          .whereRef('user.id', '=', 'grant.user_id')
          .$asScalar()
          .$notNull()
          .as('subject')
      )
      .executeTakeFirst(),

  /** Puts the next refresh token in place of the one of `generation`; the epoch, or undefined where it is another. */
  advance: async (id: string, generation: number, refresh_token: Buffer): Promise<number | undefined> => {
    const moved = await db
      .updateTable('grant')
      .set({
        ...freed,
        refresh_token,
        generation: generation + 1,
        attempt: 0,
        backoff_until: null,
        updated_at: sql`now()`
      })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('dead_reason', 'is', null)
      .returning('epoch')
      .executeTakeFirst()
    return moved?.epoch
  },

  release: async (
    { id, owner, generation, attempt }: Claim,
    { isCounted, backoffMs }: { isCounted: boolean; backoffMs: number }
  ): Promise<void> => {
    await db
      .updateTable('grant')
      .set({
        ...freed,
        attempt: isCounted ? attempt : attempt - 1,
        backoff_until: backoffMs > 0 ? inMilliseconds(backoffMs) : null
      })
      .where('id', '=', id)
      .where('generation', '=', generation)
      .where('attempt', '=', attempt)
      .where('lease_owner', '=', owner)
      .execute()
  },

  tenantOf: async (id: string): Promise<string | undefined> =>
    (await db.selectFrom('grant').select('tenant_id').where('id', '=', id).executeTakeFirst())?.tenant_id,

  isAlive: async (id: string): Promise<boolean> => {
    const alive = db.selectFrom('grant').select('id').where('id', '=', id).where('dead_reason', 'is', null)
    return (await alive.executeTakeFirst()) !== undefined
  }
})
