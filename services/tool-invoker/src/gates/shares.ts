import { createRoom } from './room.ts'

/** Places at each origin, which all tenants share that have servers there. */
export type Shares = {
  /** Takes one, and answers with what gives it back; undefined where the tenant has as many as are left for others. */
  take: (tenant_id: string, origin: string) => (() => void) | undefined
}

type Taken = { taken: number }
type Origin = Taken & { ofTenant: (tenant_id: string) => Taken }

// More than calls can be under way here, so that none of those in use makes room.
const originsMax = 20_000

/**
 * So many places at each origin. A tenant takes no more of them than are left for others then, so that none has all, nor
 * have two together.
 */
export const createShares = (placesMax: number): Shares => {
  const originAt = createRoom({ max: originsMax, make: () => createOrigin(placesMax), isInUse })
  return {
    take: (tenant_id, origin) => {
      const all = originAt(origin)
      const share = all.ofTenant(tenant_id)
      if (share.taken >= placesMax - all.taken) return undefined
      all.taken += 1
      share.taken += 1
      return () => {
        all.taken -= 1
        share.taken -= 1
      }
    }
  }
}

const isInUse = ({ taken }: Taken): boolean => taken > 0

// Twice as many as can have places at once: those who have none make room.
const createOrigin = (placesMax: number): Origin => ({
  taken: 0,
  ofTenant: createRoom({ max: 2 * placesMax, make: () => ({ taken: 0 }), isInUse })
})
