import { type Kysely, sql } from 'kysely'
import type { Database, ProviderRow } from '../database.ts'

export type WatchClaim = { limit: number; except: readonly string[]; leaseSeconds: number }

export type WatchStore = ReturnType<typeof watchStore>

/** Which replica listens to which server for changes of its tools; the clock is the database's. */
export const watchStore = (db: Kysely<Database>) => ({
  /**
   * Providers that nobody watches, one of each tenant; another replica may have them once `leaseSeconds` are over. None of
   * the tenants in `except`.
   */
  claim: (watcher: string, { limit, except, leaseSeconds }: WatchClaim): Promise<ProviderRow[]> =>
    db
      .with('oldest', (query) =>
        query
          .selectFrom('provider')
          .select(['id', 'tenant_id', 'tools_watch_at'])
          .where('tools_watch_at', '<=', sql<Date>`now()`)
          // What could not be listed cannot be watched either, and nobody's identity is for nobody.
          .where(sql<boolean>`tools_status = 'fresh' and not (forward_user_identity and identity_mode <> 'off')`)
          .where('tenant_id', '<>', sql<string>`all(${except}::uuid[])`)
          .orderBy('tools_watch_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
      )
      .with('first', (query) =>
        query.selectFrom('oldest').distinctOn('tenant_id').select('id').orderBy('tenant_id').orderBy('tools_watch_at')
      )
      .updateTable('provider')
      .set({ tools_watcher: watcher, tools_watch_at: later(leaseSeconds) })
      .where('id', 'in', (query) => query.selectFrom('first').select('id'))
      .returningAll()
      .execute(),

  /** Keeps those that are still the watcher's; answers with their ids. */
  renew: async (watcher: string, ids: readonly string[], leaseSeconds: number): Promise<Set<string>> => {
    const rows = await db
      .updateTable('provider')
      .set({ tools_watch_at: later(leaseSeconds) })
      .where('id', '=', sql<string>`any(${ids}::uuid[])`)
      .where('tools_watcher', '=', watcher)
      .returning('id')
      .execute()
    return new Set(rows.map(({ id }) => id))
  },

  /** Lets go of one for so many seconds; `failures` is how often in a row it could not be watched. */
  release: async (watcher: string, id: string, { seconds, failures }: { seconds: number; failures: number }) => {
    await db
      .updateTable('provider')
      .set({ tools_watcher: null, tools_watch_at: later(seconds), tools_watch_failures: failures })
      .where('id', '=', id)
      .where('tools_watcher', '=', watcher)
      .execute()
  }
})

const later = (seconds: number) => sql<Date>`now() + make_interval(secs => ${seconds})`
