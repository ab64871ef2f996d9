import { LRUCache } from 'lru-cache'
import { type Answered, retryAfterMs } from '../connections/token-endpoint.ts'

const heldMax = 10_000

/** Who said when to come back is not asked before, on this replica; by the grant that was asked with. */
export const createPauses = (now: () => number) => {
  const endsAt = new LRUCache<string, number>({ max: heldMax })
  return {
    /** Milliseconds that are left; 0 when it may be asked. */
    left: (grantId: string): number => Math.max(0, (endsAt.get(grantId) ?? 0) - now()),
    /** RFC 6585 §4, RFC 9110 §15.6.4 */
    note: (grantId: string, answered: Answered): void => {
      const ms = [429, 503].includes(answered.status) ? retryAfterMs(answered, now()) : undefined
      if (ms !== undefined) endsAt.set(grantId, now() + ms)
    }
  }
}
