import { type CryptoKey, importJWK } from 'jose'
import type { FindKey, PublicKey } from './tickets.ts'

/**
 * The public keys of each issuer, asked of it over the bus (only that service may answer there, by NATS permission)
 * and kept. An unknown `kid` asks again, at most once per `askAgainMs` (30 s) and issuer, so that made-up key ids
 * cannot turn into traffic.
 */
export const createKeySet = (
  listKeys: (issuer: string) => Promise<PublicKey[]>,
  { askAgainMs = 30_000, now = Date.now } = {}
): FindKey => {
  const known = new Map<string, { keys: Map<string, CryptoKey>; askedAt: number }>()
  const asking = new Map<string, Promise<void>>()

  const ask = async (issuer: string) => {
    const keys = new Map<string, CryptoKey>()
    for (const jwk of await listKeys(issuer)) {
      const key = await importJWK({ ...jwk }, 'ES256')
      if (!(key instanceof Uint8Array)) keys.set(jwk.kid, key)
    }
    known.set(issuer, { keys, askedAt: now() })
  }
  const askOnce = (issuer: string): Promise<void> => {
    const running = asking.get(issuer)
    if (running !== undefined) return running
    const started = ask(issuer).finally(() => asking.delete(issuer))
    asking.set(issuer, started)
    return started
  }

  return async (issuer, kid) => {
    const held = known.get(issuer)
    const key = held?.keys.get(kid)
    if (key) return key
    if (held && now() - held.askedAt < askAgainMs) return undefined
    await askOnce(issuer)
    return known.get(issuer)?.keys.get(kid)
  }
}
