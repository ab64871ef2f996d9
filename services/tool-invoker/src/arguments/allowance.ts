import { LRUCache } from 'lru-cache'

/** What each tenant may have done in a process: so much at once, and so much a second after that. */
export type Allowance = {
  hasLeft: (tenantId: string) => boolean
  /** Of what is left; more than that is made up for by waiting. */
  spend: (tenantId: string, cost: number) => void
}

type Options = { atOnce: number; perSecond: number; now: () => number }

const tenantsMax = 10_000

export const createAllowance = ({ atOnce, perSecond, now }: Options): Allowance => {
  // By size and not by number, for which room for all of them would be made at the start.
  const lefts = new LRUCache<string, { left: number; at: number }>({ maxSize: tenantsMax, sizeCalculation: () => 1 })
  const leftOf = (tenantId: string): number => {
    const known = lefts.get(tenantId)
    if (!known) return atOnce
    return Math.min(atOnce, known.left + (Math.max(0, now() - known.at) / 1_000) * perSecond)
  }
  return {
    hasLeft: (tenantId) => leftOf(tenantId) > 0,
    spend: (tenantId, cost) => {
      lefts.set(tenantId, { left: leftOf(tenantId) - cost, at: now() })
    }
  }
}
