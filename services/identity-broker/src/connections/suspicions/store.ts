import { recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Connection, Database, Suspicion } from '../../database.ts'
import { connectionEvent } from '../event.ts'
import { holdConnection } from '../store.ts'
import type { SuspectedQuirk } from '../vocabulary.ts'

/** An IdP that fails every sign-in makes nobody write more often than this. */
const coarseness = sql`interval '5 minutes'`

export type SuspicionStore = ReturnType<typeof suspicionStore>

export const suspicionStore = (db: Kysely<Database>) => ({
  listOf: (connectionIds: string[]): Promise<Suspicion[]> =>
    connectionIds.length === 0
      ? Promise.resolve([])
      : db
          .selectFrom('suspected_quirk')
          .selectAll()
          .where('connection_id', 'in', connectionIds)
          .orderBy('quirk')
          .execute(),

  /** Whether it was noted in the last minutes. */
  isFresh: async ({ id }: Pick<Connection, 'id'>, quirk: SuspectedQuirk): Promise<boolean> => {
    const row = await db
      .selectFrom('suspected_quirk')
      .select('quirk')
      .where('connection_id', '=', id)
      .where('quirk', '=', quirk)
      .where('last_seen_at', '>', sql<Date>`now() - ${coarseness}`)
      .executeTakeFirst()
    return row !== undefined
  },

  /** Notes it for a connection that is still as it was seen; that it is new is on record. */
  note: (connection: Pick<Connection, 'id' | 'tenant_id' | 'revision'>, quirk: SuspectedQuirk): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      if (!(await holdConnection(transaction, connection))) return
      const { tenant_id, id: connection_id } = connection
      const { is_new } = await transaction
        .insertInto('suspected_quirk')
        .values({ connection_id, quirk })
        .onConflict((conflict) =>
          conflict.columns(['connection_id', 'quirk']).doUpdateSet({ last_seen_at: sql`now()` })
        )
        .returning(sql<boolean>`xmax = 0`.as('is_new'))
        .executeTakeFirstOrThrow()
      if (!is_new) return
      const system = { tenant_id, actor: { kind: 'system' } } as const
      await recordAudit(transaction, connectionEvent(system, 'suspected', connection_id, { quirk }))
    })
})
