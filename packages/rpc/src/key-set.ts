import { type CryptoKey, importJWK } from 'jose'
import { type AskedKeys, createAskedKeys } from './asked-keys.ts'
import type { FindKey, PublicKey } from './tickets.ts'

/**
 * The public keys of each issuer, asked of it over the bus (only that service may answer there, by NATS permission)
 * and kept as `createAskedKeys` keeps them.
 */
export const createKeySet = (
  listKeys: (issuer: string) => Promise<readonly PublicKey[]>,
  options: { askAgainMs?: number; refreshMs?: number; now?: () => number } = {}
): FindKey => {
  const issuers = new Map<string, AskedKeys>()
  const imported = new WeakMap<PublicKey, Promise<CryptoKey | undefined>>()

  const keysOf = (issuer: string): AskedKeys => {
    const known = issuers.get(issuer) ?? createAskedKeys(() => listKeys(issuer), options)
    issuers.set(issuer, known)
    return known
  }
  return async (issuer, kid) => {
    const jwk = await keysOf(issuer)(kid)
    if (!jwk) return undefined
    const key = imported.get(jwk) ?? importKey(jwk)
    imported.set(jwk, key)
    return key
  }
}

const importKey = async (jwk: PublicKey): Promise<CryptoKey | undefined> => {
  const key = await importJWK({ ...jwk }, 'ES256')
  return key instanceof Uint8Array ? undefined : key
}
