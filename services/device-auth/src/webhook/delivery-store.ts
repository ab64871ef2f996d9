import { newId } from '@onbehalf/service-kit'
import { type Kysely, type QueryExecutorProvider, type Selectable, sql } from 'kysely'
import type { Database, SignInFacts } from '../database.ts'

export type Delivery = Pick<
  Selectable<Database['webhook_delivery']>,
  'id' | 'tenant_id' | 'facts' | 'attempts' | 'created_at'
>

export type DeliveryStore = ReturnType<typeof deliveryStore>

// Longer than an attempt takes: should its replica die, another one makes the next.
const leaseSeconds = 60

/** For the transaction of a sign-in: writes down that its tenant is to be told, where it wants to be. */
export const enqueueSignIn = async (
  transaction: QueryExecutorProvider,
  tenant_id: string,
  facts: SignInFacts
): Promise<void> => {
  await sql`
    insert into webhook_delivery (id, tenant_id, facts)
    select ${newId()}, tenant_id, ${JSON.stringify(facts)} from device_webhook where tenant_id = ${tenant_id}
  `.execute(transaction)
}

/** What is to be delivered; every replica takes from it, and none what another one has. */
export const deliveryStore = (db: Kysely<Database>) => ({
  /** Takes at most `max` that are due; each counts as tried, and is due again later unless it is ended. */
  take: async (max: number): Promise<Delivery[]> => {
    const due = db
      .selectFrom('webhook_delivery')
      .select('id')
      .where('ended_at', 'is', null)
      .where('due_at', '<=', sql<Date>`now()`)
      .orderBy('due_at')
      .limit(max)
      .forUpdate()
      .skipLocked()
    return db
      .updateTable('webhook_delivery')
      .set({ attempts: sql<number>`attempts + 1`, due_at: sql<Date>`now() + make_interval(secs => ${leaseSeconds})` })
      .where('id', 'in', due)
      .returning(['id', 'tenant_id', 'facts', 'attempts', 'created_at'])
      .execute()
  },

  end: async (id: string): Promise<void> => {
    await db.updateTable('webhook_delivery').set({ ended_at: sql<Date>`now()` }).where('id', '=', id).execute()
  },

  putOff: async (id: string, seconds: number): Promise<void> => {
    const due_at = sql<Date>`now() + make_interval(secs => ${seconds})`
    await db.updateTable('webhook_delivery').set({ due_at }).where('id', '=', id).execute()
  }
})
