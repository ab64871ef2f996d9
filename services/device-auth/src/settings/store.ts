import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'

export type Settings = Pick<Database['device_setting'], 'token_days'>

export type SettingStore = ReturnType<typeof settingStore>

/** What a tenant has of its own for the sign-in of devices. */
export const settingStore = (db: Kysely<Database>) => ({
  find: (tenant_id: string): Promise<Settings | undefined> =>
    db.selectFrom('device_setting').select('token_days').where('tenant_id', '=', tenant_id).executeTakeFirst(),

  put: (tenant_id: string, settings: Settings, event: AuditEvent): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('device_setting')
        .values({ tenant_id, ...settings })
        .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(settings))
        .execute()
      await recordAudit(transaction, event)
    })
})
