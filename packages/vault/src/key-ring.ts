import { createSecretKey, type KeyObject } from 'node:crypto'
import { decrypt, encrypt, keyBytes } from './cipher.ts'
import { weaknessOfKey } from './strength.ts'
import { VaultError } from './vault-error.ts'

/** Wraps data keys. `parseKeyRing` makes one from the configuration; a KMS can be another. */
export type KeyRing = {
  /** The master key that new wraps use. */
  newestId: string
  /** Encrypts a data key with the newest master key; `binding` is authenticated with it. */
  wrap(dataKey: Uint8Array, binding: Uint8Array): Promise<Buffer>
  /** @throws VaultError `master_key_missing`, or `altered_or_misplaced` when key or binding do not match. */
  unwrap(masterKeyId: string, wrapped: Uint8Array, binding: Uint8Array): Promise<Buffer>
}

const version = 1
const howTo = 'Write MASTER_KEYS as id:key[,id:key], newest first, each key the output of: openssl rand -base64 32'

// A mistake is told by its position: what looks like an id may be a key that was put on the wrong side of the colon.
const refuse = (position: number, fault: string): never => {
  throw new Error(`MASTER_KEYS: entry ${position} ${fault}. ${howTo}`)
}

const parseEntry = (entry: string, position: number): [string, Buffer] => {
  const [, id, text] = /^([\w.-]{1,32}):([A-Za-z0-9+/_-]+={0,2})$/.exec(entry) ?? []
  if (id === undefined || text === undefined)
    return refuse(position, 'is not an id of 1 to 32 letters, a colon and a base64 key')
  const key = Buffer.from(text, 'base64')
  if (key.length !== keyBytes) return refuse(position, `holds ${key.length} bytes, not ${keyBytes}`)
  const weakness = weaknessOfKey(key)
  return weakness === undefined ? [id, key] : refuse(position, weakness)
}

const refuseTwins = (entries: [string, Buffer][]): void => {
  for (const [index, [id, key]] of entries.entries())
    for (const [earlier, [otherId, otherKey]] of entries.slice(0, index).entries()) {
      if (id === otherId) refuse(index + 1, `has the id of entry ${earlier + 1}`)
      if (key.equals(otherKey)) refuse(index + 1, `has the key of entry ${earlier + 1}`)
    }
}

const ringOf = (newestId: string, keys: ReadonlyMap<string, KeyObject>): KeyRing => {
  const keyOf = (id: string): KeyObject => {
    const key = keys.get(id)
    if (key !== undefined) return key
    throw new VaultError('master_key_missing', `The master key "${id}" is not in MASTER_KEYS; put it back.`)
  }
  return {
    newestId,
    wrap: async (dataKey, binding) =>
      Buffer.concat([Buffer.of(version), ...encrypt(keyOf(newestId), dataKey, binding)]),
    unwrap: async (masterKeyId, wrapped, binding) => {
      const key = keyOf(masterKeyId)
      if (wrapped[0] !== version) throw new VaultError('malformed', 'A wrapped data key has an unknown format.')
      try {
        return decrypt(key, wrapped.subarray(1), binding)
      } catch (cause) {
        const message = `The master key "${masterKeyId}" in MASTER_KEYS is not the one a data key was wrapped with, or the data key was altered or moved.`
        throw new VaultError('altered_or_misplaced', message, { cause })
      }
    }
  }
}

/**
 * The key ring that MASTER_KEYS describes: `id:key[,id:key]`, newest first, each key 32 random bytes in base64 or
 * base64url. To rotate over replicas: add the new key last and deploy, move it to the front and deploy, run
 * `vault.rewrap()`, then take the old one out.
 *
 * @throws Error that says which entry is wrong and how, and never shows a key
 */
export const parseKeyRing = (text: string): KeyRing => {
  if (text.trim() === '') throw new Error(`MASTER_KEYS is empty. ${howTo}`)
  const entries = text.split(',').map((entry, index) => parseEntry(entry.trim(), index + 1))
  refuseTwins(entries)
  const [newest] = entries
  if (newest === undefined) throw new Error(`MASTER_KEYS is empty. ${howTo}`)
  return ringOf(newest[0], new Map(entries.map(([id, key]) => [id, createSecretKey(key)])))
}
