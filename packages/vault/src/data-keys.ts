import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { keyBytes } from './cipher.ts'
import type { KeyRing } from './key-ring.ts'
import { encodePlace } from './place.ts'

/** A row of a service's `data_key` table, primary key (tenant_id, id). */
export type WrappedDataKey = {
  tenant_id: string
  /** 1, 2, … within the tenant, so that replicas that make the same key meet at the primary key. */
  id: number
  /** 61 bytes for a key ring of the configuration. */
  wrapped: Uint8Array
  master_key_id: string
}

/** What the vault asks of a service's `data_key` table. */
export type DataKeyStore = {
  /** All data keys of a tenant, in any order. */
  find(tenantId: string): Promise<WrappedDataKey[]>
  /** Stores the key unless (tenant_id, id) exists; the row that is there afterwards. */
  insert(key: WrappedDataKey): Promise<WrappedDataKey>
  /** One key of each master key that wraps any. */
  findOneOfEach(): Promise<WrappedDataKey[]>
  /** Up to `limit` keys of all tenants whose `master_key_id` is another. */
  findWrappedByOthers(masterKeyId: string, limit: number): Promise<WrappedDataKey[]>
  /** Stores `next` where the row still has `previous.master_key_id`; whether it did. */
  replace(previous: WrappedDataKey, next: WrappedDataKey): Promise<boolean>
}

/** The open data keys of one tenant. New values are sealed with the current one. */
export type TenantKeys = { byId: Map<number, KeyObject>; current: SealingKey | undefined }

export type SealingKey = { id: number; key: KeyObject; seals: number }

const binding = ({ tenant_id, id }: Pick<WrappedDataKey, 'tenant_id' | 'id'>): Buffer =>
  encodePlace({ tenant_id, table: 'data_key', column: 'wrapped', row: id })

const unwrap = async (ring: KeyRing, row: WrappedDataKey): Promise<KeyObject> =>
  createSecretKey(await ring.unwrap(row.master_key_id, row.wrapped, binding(row)))

/** Loads and opens a tenant's data keys; `current` is undefined when it has none yet. */
export const loadTenantKeys = async (ring: KeyRing, store: DataKeyStore, tenantId: string): Promise<TenantKeys> => {
  const rows = (await store.find(tenantId)).sort((left, right) => left.id - right.id)
  const keys: TenantKeys = { byId: new Map(), current: undefined }
  for (const row of rows) {
    const key = await unwrap(ring, { ...row, tenant_id: tenantId })
    keys.byId.set(row.id, key)
    keys.current = { id: row.id, key, seals: 0 }
  }
  return keys
}

/** Makes the tenant's next data key current, or takes the one that another replica made first. */
export const addDataKey = async (
  ring: KeyRing,
  store: DataKeyStore,
  tenantId: string,
  keys: TenantKeys
): Promise<SealingKey> => {
  const place = { tenant_id: tenantId, id: (keys.current?.id ?? 0) + 1 }
  const wrapped = await ring.wrap(randomBytes(keyBytes), binding(place))
  const winner = await store.insert({ ...place, wrapped, master_key_id: ring.newestId })
  const key = await unwrap(ring, { ...winner, ...place })
  keys.byId.set(place.id, key)
  keys.current = { id: place.id, key, seals: 0 }
  return keys.current
}

/** Opens one data key of each master key that wraps any. Throws VaultError where the ring is another one. */
export const checkRing = async (ring: KeyRing, store: DataKeyStore): Promise<void> => {
  for (const row of await store.findOneOfEach()) await unwrap(ring, row)
}

/**
 * Wraps every data key with the newest master key, while others read and write. A key that another process wraps at
 * the same time is left to it.
 *
 * @returns how many data keys this call wrapped anew
 * @throws VaultError naming the master key that is missing
 */
export const rewrapAll = async (ring: KeyRing, store: DataKeyStore, batch = 200): Promise<number> => {
  const seen = new Set<string>()
  let rewrapped = 0
  for (;;) {
    const rows = await store.findWrappedByOthers(ring.newestId, batch)
    if (rows.length === 0) return rewrapped
    for (const row of rows) {
      const name = `${row.id}:${row.tenant_id}`
      if (seen.has(name)) throw new Error('Another process wraps data keys with another master key; stop it first.')
      seen.add(name)
      const dataKey = await ring.unwrap(row.master_key_id, row.wrapped, binding(row))
      const next = { ...row, wrapped: await ring.wrap(dataKey, binding(row)), master_key_id: ring.newestId }
      if (await store.replace(row, next)) rewrapped += 1
    }
  }
}
