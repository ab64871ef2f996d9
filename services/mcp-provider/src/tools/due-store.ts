import { type Kysely, sql } from 'kysely'
import type { Database, ProviderRow } from '../database.ts'

export type Claim = {
  limit: number
  /** So many of one tenant at once. */
  perTenant: number
  /** Tenants of whom none are taken. */
  except: readonly string[]
  leaseSeconds: number
}

export type DueStore = ReturnType<typeof dueStore>

/** Which providers are to be listed again; the clock is the database's, which all replicas share. */
export const dueStore = (db: Kysely<Database>) => ({
  /** Providers whose time has come, for this replica alone: another one takes them up after `leaseSeconds`. */
  claim: ({ limit, perTenant, except, leaseSeconds }: Claim): Promise<ProviderRow[]> =>
    db
      .with('oldest', (query) =>
        query
          .selectFrom('provider')
          .select(['id', 'tenant_id', 'tools_due_at'])
          .where('tools_due_at', '<=', sql<Date>`now()`)
          .where('tenant_id', '<>', sql<string>`all(${except}::uuid[])`)
          .orderBy('tools_due_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
      )
      .with('placed', (query) =>
        query
          .selectFrom('oldest')
          .select(['id', sql<number>`row_number() over (partition by tenant_id order by tools_due_at)`.as('place')])
      )
      .updateTable('provider')
      .set({ tools_due_at: later(leaseSeconds), tools_listing: 'running' })
      .where('id', 'in', (query) => query.selectFrom('placed').select('id').where('place', '<=', perTenant))
      .returningAll()
      .execute(),

  /** It was listed, and is listed again after `seconds`; or soon, where the server told of a change meanwhile. */
  postpone: async (id: string, seconds: number): Promise<void> => {
    await db
      .updateTable('provider')
      .set({
        tools_due_at: sql<Date>`case when tools_listing = 'changed' then ${later(gapSeconds)} else ${later(seconds)} end`,
        tools_listing: null
      })
      .where('id', '=', id)
      .execute()
  },

  /** Its server told of a change: it is due, though not at once where it was listed just now. */
  changed: async (id: string): Promise<void> => {
    await db
      .updateTable('provider')
      .set({
        tools_due_at: sql<Date>`case when tools_listing is null
          then greatest(now(), coalesce(tools_listed_at, now()) + make_interval(secs => ${gapSeconds}))
          else tools_due_at end`,
        tools_listing: sql<'changed' | null>`case when tools_listing is null then null else 'changed' end`
      })
      .where('id', '=', id)
      .execute()
  },

  /** Says of a list that was fresh that nobody could look whether it still is; false where it was not fresh. */
  markStale: async ({ id, reach_revision }: { id: string; reach_revision: number }, why: string): Promise<boolean> => {
    const { numUpdatedRows } = await db
      .updateTable('provider')
      .set({ tools_status: 'stale', tools_error: why })
      .where('id', '=', id)
      .where('reach_revision', '=', reach_revision)
      .where('tools_status', '=', 'fresh')
      .executeTakeFirst()
    return numUpdatedRows > 0n
  }
})

/** A server that tells of changes all the time is listed no oftener. */
const gapSeconds = 5

const later = (seconds: number) => sql<Date>`now() + make_interval(secs => ${seconds})`
