import type { PublicKey } from '@onbehalf/rpc'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { KeyTables } from './tables.ts'

/** Whose keys, and for what: `instance` where they are not a tenant's own. */
export type KeyPurpose = { purpose: string; tenant_id: string }

export type StoredKey = { id: string; public_jwk: PublicKey; private_jwk: Buffer; active_from: Date }
export type NewKey = StoredKey

export type SigningKeyStore = ReturnType<typeof signingKeyStore>

export const signingKeyStore = (db: Kysely<KeyTables> | Transaction<KeyTables>) => ({
  /** In the order in which they sign. */
  list: ({ purpose, tenant_id }: KeyPurpose): Promise<StoredKey[]> =>
    db
      .selectFrom('signing_key')
      .select(['id', 'public_jwk', 'private_jwk', 'active_from'])
      .where('purpose', '=', purpose)
      .where('tenant_id', '=', tenant_id)
      .orderBy('active_from')
      .orderBy('id')
      .execute(),

  /** All who have keys of a purpose, or of one thing for that purpose, named behind it: `connection <id>`. */
  owners: (purpose: string): Promise<KeyPurpose[]> =>
    db
      .selectFrom('signing_key')
      .select(['purpose', 'tenant_id'])
      .distinct()
      .where(sql<string>`split_part(purpose, ' ', 1)`, '=', purpose)
      .orderBy('tenant_id')
      .orderBy('purpose')
      .execute(),

  insert: async ({ purpose, tenant_id }: KeyPurpose, { public_jwk, ...key }: NewKey): Promise<void> => {
    const row = { ...key, purpose, tenant_id, public_jwk: JSON.stringify(public_jwk) }
    await db.insertInto('signing_key').values(row).execute()
  },

  delete: async (ids: readonly string[]): Promise<void> => {
    if (ids.length > 0) await db.deleteFrom('signing_key').where('id', 'in', ids).execute()
  }
})

/** One at a time, over all replicas: whoever makes a key for this purpose. */
export const whileAlone = <Result>(
  db: Kysely<KeyTables>,
  { purpose, tenant_id }: KeyPurpose,
  work: (store: SigningKeyStore) => Promise<Result>
): Promise<Result> =>
  db.transaction().execute(async (transaction) => {
    const name = `signing_key ${purpose} ${tenant_id}`
    await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(transaction)
    return work(signingKeyStore(transaction))
  })
