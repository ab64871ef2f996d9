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
  /**
   * Takes at most `max` that are due, `perTenant` of each tenant, and nobody's second before everybody's first; each counts as tried, and is due again later unless it
   * is ended.
   */
  take: async ({ max, perTenant }: { max: number; perTenant: number }): Promise<Delivery[]> => {
    const { rows } = await sql<Delivery>`
      with placed as (
        select id, row_number() over (partition by tenant_id order by due_at) as place
        from webhook_delivery where ended_at is null and due_at <= now()
      ),
      due as materialized (
        select id from webhook_delivery join placed using (id)
        where place <= ${perTenant} and ended_at is null and due_at <= now()
        order by place, due_at limit ${max} for update of webhook_delivery skip locked
      )
      update webhook_delivery delivery
      set attempts = attempts + 1, due_at = now() + make_interval(secs => ${leaseSeconds})
      from due where delivery.id = due.id
      returning delivery.id, tenant_id, facts, attempts, created_at`.execute(db)
    return rows
  },

  end: async (id: string): Promise<void> => {
    await db.updateTable('webhook_delivery').set({ ended_at: sql<Date>`now()` }).where('id', '=', id).execute()
  },

  putOff: async (id: string, seconds: number): Promise<void> => {
    const due_at = sql<Date>`now() + make_interval(secs => ${seconds})`
    await db.updateTable('webhook_delivery').set({ due_at }).where('id', '=', id).execute()
  }
})
