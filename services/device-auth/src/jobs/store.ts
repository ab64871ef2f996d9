import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'

const batch = 500

export type JobStore = ReturnType<typeof jobStore>

/** Forgetting what is over, a batch at a time; one replica at a time does it. */
export const jobStore = (db: Kysely<Database>) => ({
  /** Deletes tokens that ended more than `days` ago; whether there is more. */
  forgetTokens: (days: number): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      if (!(await isAlone(transaction))) return false
      const long = transaction
        .selectFrom('device_token')
        .select('id')
        .where('revoked_at', '<', sql<Date>`now() - make_interval(days => ${days})`)
        .limit(batch)
      const { numDeletedRows } = await transaction.deleteFrom('device_token').where('id', 'in', long).executeTakeFirst()
      return numDeletedRows === BigInt(batch)
    }),

  /** The same for messages of webhooks that were delivered or given up. */
  forgetDeliveries: (days: number): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      if (!(await isAlone(transaction))) return false
      const long = transaction
        .selectFrom('webhook_delivery')
        .select('id')
        .where('ended_at', '<', sql<Date>`now() - make_interval(days => ${days})`)
        .limit(batch)
      const deleted = transaction.deleteFrom('webhook_delivery').where('id', 'in', long)
      const { numDeletedRows } = await deleted.executeTakeFirst()
      return numDeletedRows === BigInt(batch)
    })
})

const isAlone = async (transaction: Kysely<Database>): Promise<boolean> => {
  const { rows } = await sql<{ mine: boolean }>`
    select pg_try_advisory_xact_lock(hashtext('device-auth clean-up')) as mine`.execute(transaction)
  return rows[0]?.mine === true
}
