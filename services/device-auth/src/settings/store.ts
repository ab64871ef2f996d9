import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'

export type Settings = Omit<Database['device_setting'], 'tenant_id'>

export type SettingStore = ReturnType<typeof settingStore>

const columns = ['token_days', 'approval_max_age'] as const

/** What everybody has who has nothing of their own. */
const none: Settings = { token_days: null, approval_max_age: null }

/** What a tenant has of its own for the sign-in of devices. */
export const settingStore = (db: Kysely<Database>) => ({
  find: async (tenant_id: string): Promise<Settings> => {
    const query = db.selectFrom('device_setting').select(columns).where('tenant_id', '=', tenant_id)
    return (await query.executeTakeFirst()) ?? none
  },

  /** What is left out stays. */
  put: (tenant_id: string, change: Partial<Settings>, event: AuditEvent): Promise<Settings> =>
    db.transaction().execute(async (transaction) => {
      const stored = await transaction
        .insertInto('device_setting')
        .values({ ...none, ...change, tenant_id })
        .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(change))
        .returning(columns)
        .executeTakeFirstOrThrow()
      await recordAudit(transaction, event)
      return stored
    })
})
