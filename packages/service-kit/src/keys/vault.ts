import { createVault, type DataKeyStore, type KeyRing, type Vault, VaultError } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import type { Dependency } from '../health.ts'
import type { KeyTables } from './tables.ts'

/**
 * The service's vault, with its data keys in the service's own `data_key` table. Throws, in words for whoever starts
 * the service, where the key ring does not open what is stored; then nothing was written.
 */
export const openVault = async (db: Kysely<KeyTables>, keyRing: KeyRing): Promise<Vault> => {
  const vault = createVault({ keyRing, dataKeys: dataKeyStore(db) })
  await vault.check().catch((cause: unknown) => {
    if (!(cause instanceof VaultError)) throw cause
    const words = 'MASTER_KEYS does not open what is stored in this database, and nothing was changed'
    const advice = 'Start with the ring that this database, or the backup it came from, was written with.'
    throw new Error(`${words}. ${cause.message} ${advice}`, { cause })
  })
  return vault
}

const checkedForMs = 30_000

/** The vault as `/readyz` sees it: lost where the database was exchanged for one that the key ring does not open. */
export const vaultDependency = (vault: Pick<Vault, 'check'>, now = Date.now): Dependency => {
  let checkedAt = Number.NEGATIVE_INFINITY
  return {
    name: 'vault',
    check: async () => {
      if (now() - checkedAt < checkedForMs) return
      await vault.check()
      checkedAt = now()
    }
  }
}

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
  findOneOfEach: () =>
    db.selectFrom('data_key').select(columns).distinctOn('master_key_id').orderBy('master_key_id').execute(),
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
