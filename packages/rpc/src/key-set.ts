import { createPublicKey, type KeyObject } from 'node:crypto'
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
  const imported = new WeakMap<PublicKey, KeyObject>()

  const keysOf = (issuer: string): AskedKeys => {
    const known = issuers.get(issuer) ?? createAskedKeys(() => listKeys(issuer), options)
    issuers.set(issuer, known)
    return known
  }
  return async (issuer, kid) => {
    const jwk = await keysOf(issuer)(kid)
    if (!jwk) return undefined
    const key = imported.get(jwk) ?? createPublicKey({ key: { ...jwk }, format: 'jwk' })
    imported.set(jwk, key)
    return key
  }
}
