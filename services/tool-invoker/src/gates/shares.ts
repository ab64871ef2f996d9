import { LRUCache } from 'lru-cache'

/** Whose server it is, and where. */
export type SharedServer = { tenant_id: string; server_url: string }

/** Places at each origin, which all tenants share that have servers there. */
export type Shares = {
  /** Takes one, and answers with what gives it back; undefined where the tenant has as many as are left for others. */
  take: (server: SharedServer) => (() => void) | undefined
}

type Origin = { taken: number; byTenant: Map<string, number> }

const urlsMax = 10_000

/**
 * So many places at each origin. A tenant takes no more of them than are left for others then, so that none has all, nor
 * have two together.
 */
export const createShares = (placesMax: number): Shares => {
  const origins = new Map<string, Origin>()
  const originOf = memo((url: string) => new URL(url).origin)
  return {
    take: ({ tenant_id, server_url }) => {
      const name = originOf(server_url)
      const origin = origins.get(name) ?? { taken: 0, byTenant: new Map() }
      const { byTenant } = origin
      const share = byTenant.get(tenant_id) ?? 0
      if (share >= placesMax - origin.taken) return undefined
      origins.set(name, origin)
      origin.taken += 1
      byTenant.set(tenant_id, share + 1)
      return () => {
        origin.taken -= 1
        if (origin.taken === 0) origins.delete(name)
        const left = (byTenant.get(tenant_id) ?? 0) - 1
        if (left > 0) byTenant.set(tenant_id, left)
        else byTenant.delete(tenant_id)
      }
    }
  }
}

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
