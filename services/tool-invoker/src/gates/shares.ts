import { LRUCache } from 'lru-cache'
import { createRoom } from './room.ts'

/** Whose server it is, and where. */
export type SharedServer = { tenant_id: string; server_url: string }

/** Places at each origin, which all tenants share that have servers there. */
export type Shares = {
  /** Takes one, and answers with what gives it back; undefined where the tenant has as many as are left for others. */
  take: (server: SharedServer) => (() => void) | undefined
}

type Taken = { taken: number }
type Origin = Taken & { ofTenant: (tenant_id: string) => Taken }

const urlsMax = 10_000
// More than calls can be under way here, so that none of those in use makes room.
const originsMax = 20_000

/**
 * So many places at each origin. A tenant takes no more of them than are left for others then, so that none has all, nor
 * have two together.
 */
export const createShares = (placesMax: number): Shares => {
  const originAt = createRoom({ max: originsMax, make: () => createOrigin(placesMax), isInUse })
  const originOf = memo((url: string) => new URL(url).origin)
  return {
    take: ({ tenant_id, server_url }) => {
      const origin = originAt(originOf(server_url))
      const share = origin.ofTenant(tenant_id)
      if (share.taken >= placesMax - origin.taken) return undefined
      origin.taken += 1
      share.taken += 1
      return () => {
        origin.taken -= 1
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

/** To read a URL takes longer than all the rest. */
const memo = (read: (text: string) => string) => {
  const known = new LRUCache<string, string>({ max: urlsMax })
  return (text: string): string => {
    const found = known.get(text)
    if (found !== undefined) return found
    const made = read(text)
    known.set(text, made)
    return made
  }
}
