import { type Kysely, sql } from 'kysely'
import type { Database, ProviderRow } from '../database.ts'

export type WatchStore = ReturnType<typeof watchStore>

/** Which replica listens to which server for changes of its tools; the clock is the database's. */
export const watchStore = (db: Kysely<Database>) => ({
  /** Providers that nobody watches; another replica may have them once `leaseSeconds` are over. */
  claim: (watcher: string, limit: number, leaseSeconds: number): Promise<ProviderRow[]> =>
    db
      .updateTable('provider')
      .set({ tools_watcher: watcher, tools_watch_at: later(leaseSeconds) })
      .where('id', 'in', (query) =>
        query
          .selectFrom('provider')
          .select('id')
          .where('tools_watch_at', '<=', sql<Date>`now()`)
          // What could not be listed cannot be watched either, and nobody's identity is for nobody.
          .where(sql<boolean>`tools_status = 'fresh' and not (forward_user_identity and identity_mode <> 'off')`)
          .orderBy('tools_watch_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
      )
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
