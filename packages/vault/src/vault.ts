import type { KeyObject } from 'node:crypto'
import { decrypt, encrypt, nonceBytes, tagBytes } from './cipher.ts'
import {
  addDataKey,
  checkRing,
  type DataKeyStore,
  loadTenantKeys,
  rewrapAll,
  type SealingKey,
  type TenantKeys
} from './data-keys.ts'
import type { KeyRing } from './key-ring.ts'
import { encodePlace, type Place } from './place.ts'
import { createTenantCache } from './tenant-cache.ts'
import { VaultError } from './vault-error.ts'

/** Secrets at rest. Everything it throws is for the log, and becomes `internal` for a caller. */
export type Vault = {
  /**
   * Encrypts a string for one place. The tenant's first seal makes its data key.
   *
   * @returns 33 bytes more than the UTF-8 of the plaintext
   */
  seal(plaintext: string, place: Place): Promise<Buffer>
  /**
   * Decrypts what `seal` made for the same place.
   *
   * @throws VaultError `altered_or_misplaced` (another place, or a changed bit), `data_key_missing`,
   *   `master_key_missing` (naming its id), `malformed`
   */
  open(sealed: Uint8Array, place: Place): Promise<string>
  /**
   * Wraps every stored data key with the newest master key, while serving; sealed values stay as they are.
   *
   * @returns how many it wrapped
   */
  rewrap(): Promise<number>
  /** Throws VaultError where the key ring is not the one that the stored data keys were wrapped with. */
  check(): Promise<void>
  /** Drops a tenant's open data keys from this process, for a tenant that was deleted. */
  forget(tenantId: string): void
}

export type VaultOptions = {
  keyRing: KeyRing
  dataKeys: DataKeyStore
  /** How many tenants' data keys stay open in this process. */
  tenantsMax?: number
  /**
   * After so many seals in this process a tenant gets its next data key: random nonces are safe for 2^32 messages
   * of one key (NIST SP 800-38D §8.3), counted over all replicas and their restarts.
   */
  sealsPerDataKey?: number
}

// version (1 byte) | data key id (4 bytes) | nonce (12) | ciphertext | tag (16)
const version = 1
const headerBytes = 5

const header = (dataKeyId: number): Buffer => {
  const bytes = Buffer.allocUnsafe(headerBytes)
  bytes.writeUInt8(version)
  bytes.writeUInt32BE(dataKeyId, 1)
  return bytes
}

const dataKeyIdOf = (sealed: Uint8Array): number => {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes[0] !== version || bytes.length < headerBytes + nonceBytes + tagBytes)
    throw new VaultError('malformed', 'A sealed value has an unknown format.')
  return bytes.readUInt32BE(1)
}

/** Opens the vault of one service over its key ring and its `data_key` table. */
export const createVault = ({
  keyRing,
  dataKeys,
  tenantsMax = 10_000,
  sealsPerDataKey = 2 ** 28
}: VaultOptions): Vault => {
  const cache = createTenantCache(tenantsMax, (tenantId) => loadTenantKeys(keyRing, dataKeys, tenantId))
  const keysOf = async (tenantId: string): Promise<TenantKeys> => cache.get(tenantId) ?? cache.load(tenantId)

  // Size 0: it keeps nothing, it only lets those who come meanwhile wait for the one that is being added.
  const adding = createTenantCache(0, async (tenantId) =>
    addDataKey(keyRing, dataKeys, tenantId, await keysOf(tenantId))
  )

  const sealingKey = async (tenantId: string): Promise<SealingKey> => {
    const { current } = await keysOf(tenantId)
    return current !== undefined && current.seals < sealsPerDataKey ? current : adding.load(tenantId)
  }

  const keyFor = async (tenantId: string, dataKeyId: number): Promise<KeyObject> => {
    const known = (await keysOf(tenantId)).byId.get(dataKeyId)
    if (known !== undefined) return known
    // Another replica may have made it since these were loaded.
    cache.forget(tenantId)
    const key = (await cache.load(tenantId)).byId.get(dataKeyId)
    if (key !== undefined) return key
    throw new VaultError('data_key_missing', `Data key ${dataKeyId} of the tenant is not stored.`)
  }

  return {
    seal: async (plaintext, place) => {
      const aad = encodePlace(place)
      const current = await sealingKey(place.tenant_id)
      current.seals += 1
      return Buffer.concat([header(current.id), ...encrypt(current.key, plaintext, aad)])
    },
    open: async (sealed, place) => {
      const aad = encodePlace(place)
      const key = await keyFor(place.tenant_id, dataKeyIdOf(sealed))
      try {
        return decrypt(key, sealed.subarray(headerBytes), aad).toString('utf8')
      } catch (cause) {
        const message = `A sealed value of ${place.table}.${place.column} was altered, or it was sealed for another place.`
        throw new VaultError('altered_or_misplaced', message, { cause })
      }
    },
    rewrap: () => rewrapAll(keyRing, dataKeys),
    check: () => checkRing(keyRing, dataKeys),
    forget: cache.forget
  }
}
