/** A map that forgets: entries by age, and the longest unused when it is full. */
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
  const entries = new Map<string, { value: Value; until: number }>()
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (!entry) return undefined
      entries.delete(key)
      if (entry.until <= now().getTime()) return undefined
      entries.set(key, entry)
      return entry.value
    },
    set: (key, value) => {
      entries.delete(key)
      entries.set(key, { value, until: now().getTime() + ageMs })
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
