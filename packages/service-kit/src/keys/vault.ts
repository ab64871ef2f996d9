import { createVault, type DataKeyStore, type KeyRing, type Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { KeyTables } from './tables.ts'

/** The service's vault, with its data keys in the service's own `data_key` table. */
export const openVault = (db: Kysely<KeyTables>, keyRing: KeyRing): Vault =>
  createVault({ keyRing, dataKeys: dataKeyStore(db) })

const columns = ['tenant_id', 'id', 'wrapped', 'master_key_id'] as const

const dataKeyStore = (db: Kysely<KeyTables>): DataKeyStore => ({
  find: (tenantId) => db.selectFrom('data_key').select(columns).where('tenant_id', '=', tenantId).execute(),
  insert: async (key) => {
    await db
      .insertInto('data_key')
      .values({ ...key, wrapped: Buffer.from(key.wrapped) })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return db
      .selectFrom('data_key')
      .select(columns)
      .where('tenant_id', '=', key.tenant_id)
      .where('id', '=', key.id)
      .executeTakeFirstOrThrow()
  },
  findWrappedByOthers: (masterKeyId, limit) =>
    db.selectFrom('data_key').select(columns).where('master_key_id', '<>', masterKeyId).limit(limit).execute(),
  replace: async (previous, next) => {
    const { numUpdatedRows } = await db
      .updateTable('data_key')
      .set({ wrapped: Buffer.from(next.wrapped), master_key_id: next.master_key_id })
      .where('tenant_id', '=', previous.tenant_id)
      .where('id', '=', previous.id)
      .where('master_key_id', '=', previous.master_key_id)
      .executeTakeFirst()
    return numUpdatedRows > 0n
  }
})
