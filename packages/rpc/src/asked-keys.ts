import type { PublicKey } from './tickets.ts'

/** The key of a `kid`, or undefined where its owner has none such; throws what asking threw. */
export type AskedKeys = (kid: string) => Promise<PublicKey | undefined>

/**
 * Public keys, asked of their owner and kept. An unknown `kid` asks again, at most once per `askAgainMs` (30 s), so
 * that made-up key ids cannot turn into traffic. Kept keys older than `refreshMs` (5 min) are asked for again in the
 * background, so that one its owner no longer shows is not believed for long.
 */
export const createAskedKeys = (
  listKeys: () => Promise<readonly PublicKey[]>,
  { askAgainMs = 30_000, refreshMs = 300_000, now = Date.now } = {}
): AskedKeys => {
  let held: { keys: ReadonlyMap<string, PublicKey>; askedAt: number } | undefined
  let asking: Promise<void> | undefined

  const ask = async () => {
    const keys = await listKeys()
    held = { keys: new Map(keys.map((key) => [key.kid, key])), askedAt: now() }
  }
  const askOnce = (): Promise<void> => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }

  return async (kid) => {
    const key = held?.keys.get(kid)
    const ageMs = held ? now() - held.askedAt : Number.POSITIVE_INFINITY
    // Where the owner is away, what is held goes on.
    if (key && ageMs >= refreshMs) askOnce().catch(() => {})
    if (key || ageMs < askAgainMs) return key
    await askOnce()
    return held?.keys.get(kid)
  }
}
