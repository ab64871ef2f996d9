import { ReportedError } from '@onbehalf/errors'

/** Streams that stay open: each caller and each tenant has so many at most, and none holds up the leaving. */
export type ListenerPlaces = {
  /** Throws `too_many_requests`. The function gives the place back. */
  take: (by: { tenant_id: string; holder: string }, end: () => void) => () => void
  endAll: () => void
}

/** How many in this process. */
export type ListenerLimits = { perHolder: number; perTenant: number; all: number }

// A stream holds some ten kilobytes and two connections, so that all of them are well within one process.
const defaults: ListenerLimits = { perHolder: 50, perTenant: 1_000, all: 5_000 }

export const createListenerPlaces = (given: Partial<ListenerLimits> = {}): ListenerPlaces => {
  const { perHolder, perTenant, all } = { ...defaults, ...given }
  const ends = new Set<() => void>()
  const counts = new Map<string, number>()
  const countOf = (key: string) => counts.get(key) ?? 0
  const add = (key: string, more: number) => {
    const count = countOf(key) + more
    if (count > 0) counts.set(key, count)
    else counts.delete(key)
  }
  return {
    take: ({ tenant_id, holder }, end) => {
      const keys = [`tenant ${tenant_id}`, `holder ${holder}`] as const
      const [tenant, own] = keys
      if (countOf(own) >= perHolder) throw tooMany(`At most ${perHolder} streams are open at a time. Close one first.`)
      if (countOf(tenant) >= perTenant) throw tooMany('The tenant has too many streams open. Close some first.')
      if (ends.size >= all) throw tooMany('Too many streams are open here. Try again later.')
      for (const key of keys) add(key, 1)
      const place = () => end()
      ends.add(place)
      return () => {
        if (!ends.delete(place)) return
        for (const key of keys) add(key, -1)
      }
    },
    endAll: () => {
      for (const end of ends) end()
    }
  }
}

const tooMany = (sentence: string) => new ReportedError('too_many_requests', sentence, { retry_after_seconds: 5 })
