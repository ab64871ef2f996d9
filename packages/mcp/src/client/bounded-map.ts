// Each use would otherwise be a change of the map, and of one that changes all the time V8 makes tables that outlive their use.
const movesMs = 1_000

/** A map that forgets: entries by age, and when it is full the longest unused, as they were used a second ago. */
export type BoundedMap<Value> = {
  get: (key: string) => Value | undefined
  set: (key: string, value: Value) => void
  delete: (key: string) => void
}

export const createBoundedMap = <Value>({
  entriesMax,
  ageMs,
  now
}: {
  entriesMax: number
  ageMs: number
  now: () => Date
}): BoundedMap<Value> => {
  const entries = new Map<string, { value: Value; until: number; movedAt: number }>()
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (!entry) return undefined
      const at = now().getTime()
      if (entry.until > at && at - entry.movedAt < movesMs) return entry.value
      entries.delete(key)
      if (entry.until <= at) return undefined
      entry.movedAt = at
      entries.set(key, entry)
      return entry.value
    },
    set: (key, value) => {
      entries.delete(key)
      const at = now().getTime()
      entries.set(key, { value, until: at + ageMs, movedAt: at })
      if (entries.size <= entriesMax) return
      for (const oldest of entries.keys()) {
        entries.delete(oldest)
        return
      }
    },
    delete: (key) => {
      entries.delete(key)
    }
  }
}
