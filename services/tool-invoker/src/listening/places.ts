import { ReportedError } from '@onbehalf/errors'

/** Streams that stay open, so that each caller has so many at most and none holds up the leaving. */
export type ListenerPlaces = {
  /** Throws `too_many_requests`. The function gives the place back. */
  take: (holder: string, end: () => void) => () => void
  endAll: () => void
}

const perHolderMax = 50

export const createListenerPlaces = (max = perHolderMax): ListenerPlaces => {
  const held = new Map<string, Set<() => void>>()
  return {
    take: (holder, end) => {
      const own = held.get(holder) ?? new Set()
      if (own.size >= max) throw tooMany(max)
      held.set(holder, own.add(end))
      return () => {
        own.delete(end)
        if (own.size === 0 && held.get(holder) === own) held.delete(holder)
      }
    },
    endAll: () => {
      for (const own of held.values()) for (const end of own) end()
    }
  }
}

const tooMany = (max: number) =>
  new ReportedError('too_many_requests', `At most ${max} streams are open at a time. Close one first.`, {
    retry_after_seconds: 5
  })
