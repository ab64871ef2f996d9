import type { RunPrepared } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'
import { issuanceWrites } from './write-store.ts'

export type IssuanceStore = ReturnType<typeof issuanceStore>

export type IssuanceFilter = {
  user_id?: string
  grant_id?: string
  actor_id?: string
  audience?: string
  outcome?: string
  since?: string
  until?: string
}

const forgetMax = 5_000

export const issuanceStore = (db: Kysely<Database>, run: RunPrepared) => ({
  ...issuanceWrites(run),

  /** A page, the newest first, with the names of those who asked; `cursor` is the last id of the page before. */
  page: (tenant_id: string, { limit, cursor, ...filter }: IssuanceFilter & { limit: number; cursor?: string }) => {
    const { since, until, ...same } = filter
    let query = db
      .selectFrom('issuance')
      .leftJoin('app', 'app.id', 'issuance.actor_id')
      .leftJoin('installation', 'installation.id', 'issuance.actor_id')
      .selectAll('issuance')
      .select((eb) => eb.fn.coalesce('app.name', 'installation.name').as('actor_name'))
      .where('issuance.tenant_id', '=', tenant_id)
    for (const column of ['user_id', 'grant_id', 'actor_id', 'audience', 'outcome'] as const) {
      const wanted = same[column]
      if (wanted !== undefined) query = query.where(`issuance.${column}`, '=', wanted)
    }
    if (since !== undefined) query = query.where('last_at', '>=', sql<Date>`${since}::timestamptz`)
    if (until !== undefined) query = query.where('last_at', '<', sql<Date>`${until}::timestamptz`)
    if (cursor !== undefined) query = query.where('issuance.id', '<', cursor)
    return query.orderBy('issuance.id', 'desc').limit(limit).execute()
  },

  /** Deletes some of what is older than `days`; whether there is more. One replica at a time does it. */
  forget: (days: number): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ mine: boolean }>`
        select pg_try_advisory_xact_lock(hashtext('identity-broker issuance')) as mine`.execute(transaction)
      if (!rows[0]?.mine) return false
      const { numDeletedRows } = await transaction
        .deleteFrom('issuance')
        .where('id', 'in', (from) =>
          from
            .selectFrom('issuance')
            .select('id')
            .where('last_at', '<', sql<Date>`now() - ${`${days} days`}::interval`)
            .limit(forgetMax)
        )
        .executeTakeFirst()
      return numDeletedRows >= BigInt(forgetMax)
    })
})
