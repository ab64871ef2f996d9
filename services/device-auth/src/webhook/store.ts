import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Database } from '../database.ts'

export type Webhook = Selectable<Database['device_webhook']>

export type WebhookStore = ReturnType<typeof webhookStore>

/** Where tenants want to hear of sign-ins. */
export const webhookStore = (db: Kysely<Database>) => ({
  find: (tenant_id: string): Promise<Webhook | undefined> =>
    db.selectFrom('device_webhook').selectAll().where('tenant_id', '=', tenant_id).executeTakeFirst(),

  /** Stores it in the place of the one there is. */
  put: (webhook: Pick<Webhook, 'tenant_id' | 'id' | 'url' | 'secret'>, event: AuditEvent): Promise<Webhook> =>
    db.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('device_webhook').where('tenant_id', '=', webhook.tenant_id).execute()
      const row = { ...webhook, last_delivered_at: null, last_failed_at: null, last_error: null }
      const stored = await transaction.insertInto('device_webhook').values(row).returningAll().executeTakeFirstOrThrow()
      await recordAudit(transaction, event)
      return stored
    }),

  /** Whether there was one. */
  remove: (tenant_id: string, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const deleted = transaction.deleteFrom('device_webhook').where('tenant_id', '=', tenant_id)
      const { numDeletedRows } = await deleted.executeTakeFirst()
      if (numDeletedRows > 0n) await recordAudit(transaction, event)
      return numDeletedRows > 0n
    }),

  noteDelivery: async (id: string, error: string | null): Promise<void> => {
    const now = sql<Date>`now()`
    await db
      .updateTable('device_webhook')
      .set(error === null ? { last_delivered_at: now } : { last_failed_at: now, last_error: error })
      .where('id', '=', id)
      .execute()
  }
})
