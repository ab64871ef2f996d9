import { newId } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { ApiKey, Database } from '../database.ts'

export type ApiKeyStore = ReturnType<typeof apiKeyStore>

export const apiKeyStore = (db: Kysely<Database>) => ({
  findLive: (key_hash: string): Promise<ApiKey | undefined> =>
    db
      .selectFrom('api_key')
      .selectAll()
      .where('key_hash', '=', key_hash)
      .where('revoked_at', 'is', null)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', where.fn<Date>('now'))]))
      .executeTakeFirst(),

  touch: async (id: string): Promise<void> => {
    await db
      .updateTable('api_key')
      .set({ last_used_at: (eb) => eb.fn<Date>('now') })
      .where('id', '=', id)
      .execute()
  },

  upsertApp: (tenant_id: string, name: string) =>
    db
      .insertInto('app')
      .values({ id: newId(), tenant_id, name })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doUpdateSet({ name }))
      .returningAll()
      .executeTakeFirstOrThrow(),

  upsertKey: (key: Pick<ApiKey, 'tenant_id' | 'app_id' | 'key_hash' | 'prefix' | 'act_for' | 'listed'>) =>
    db
      .insertInto('api_key')
      .values({ id: newId(), ...key, expires_at: null, revoked_at: null })
      .onConflict((conflict) => conflict.column('key_hash').doUpdateSet({ act_for: key.act_for, listed: key.listed }))
      .execute()
})
