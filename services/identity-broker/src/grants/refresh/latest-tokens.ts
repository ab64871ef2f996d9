import { afterStoring, type Look } from '@onbehalf/lease'
import { LRUCache } from 'lru-cache'
import type { Want } from './minted-token.ts'
import { skewSeconds } from './token-store.ts'

type Of = Want & { user_id: string }
/** `expires_at` in seconds since the epoch; `generation` of the grant it was made from. */
type Seen = { grant_id: string; generation: number; expires_at: number }

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
    note: (of: Of, { grant_id, generation, expires_at }: Seen): void => {
      tokens.set(keyOf(of), { grant_id, generation, expires_at })
      generations.set(grant_id, Math.max(generation, generations.get(grant_id) ?? 0))
    },
    /** The grant to be refreshed for this want, and what its row then looks like. */
    findEnded: (of: Of): { id: string; look: Look<never> } | undefined => {
      const seen = tokens.get(keyOf(of))
      if (!seen || seen.expires_at - skewSeconds > now() / 1000) return undefined
      const { grant_id: id, generation } = seen
      return generations.get(id) === generation ? { id, look: afterStoring(generation) } : undefined
    },
    forget: (of: Of): void => {
      tokens.delete(keyOf(of))
    }
  }
}

const keyOf = ({ user_id, audience, mode, scopes }: Of): string => `${user_id} ${mode} ${scopes}\n${audience}`
