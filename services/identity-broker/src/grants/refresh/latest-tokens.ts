import { afterStoring, type Look } from '@onbehalf/lease'
import { LRUCache } from 'lru-cache'
import type { Want } from './minted-token.ts'
import { skewSeconds } from './token-store.ts'

type Of = Want & { tenant_id: string; user_id: string }
/** `expires_at` in seconds since the epoch; `generation` of the grant it was made from. Whose it is never changes. */
type Seen = { grant_id: string; connection_id: string; subject: string; generation: number; expires_at: number }

export type LatestTokens = ReturnType<typeof createLatestTokens>

const seenMax = 50_000

/**
 * The last tokens that this process saw, without the tokens. Once one has ended, and its grant was not seen at another
 * generation, the next refresh needs no look before it takes the lease: what happened unseen fails the compare there.
 */
export const createLatestTokens = (now: () => number = Date.now) => {
  const bound = { maxSize: seenMax, sizeCalculation: () => 1 }
  const tokens = new LRUCache<string, Seen>(bound)
  const generations = new LRUCache<string, number>(bound)
  return {
    note: (of: Of, seen: Seen): void => {
      const { grant_id, generation } = seen
      tokens.set(keyOf(of), seen)
      generations.set(grant_id, Math.max(generation, generations.get(grant_id) ?? 0))
    },
    /** The grant to be refreshed for this want, and what its row then looks like. */
    findEnded: (of: Of): (Seen & { look: Look<never> }) | undefined => {
      const seen = tokens.get(keyOf(of))
      if (!seen || seen.expires_at - skewSeconds > now() / 1000) return undefined
      const { grant_id, generation } = seen
      return generations.get(grant_id) === generation ? { ...seen, look: afterStoring(generation) } : undefined
    },
    forget: (of: Of): void => {
      tokens.delete(keyOf(of))
    }
  }
}

const keyOf = ({ tenant_id, user_id, audience, mode, scopes }: Of): string =>
  `${tenant_id} ${user_id} ${mode} ${scopes}\n${audience}`
