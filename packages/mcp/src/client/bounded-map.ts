// So many that are in use are passed over for one that comes.
const passedOverMax = 100

/**
 * A map that forgets: entries by age, and when it is full those that are not used. A use is no more than a mark: it would
 * otherwise be a change of the map, and of one that changes all the time V8 makes tables that outlive their use.
 */
export type BoundedMap<Value> = {
  get: (key: string) => Value | undefined
  set: (key: string, value: Value) => void
  delete: (key: string) => void
}

/** `isUsed`: since it is there, or since it was passed over for another one. */
type Entry<Value> = { value: Value; until: number; isUsed: boolean }

export const createBoundedMap = <Value>({
  entriesMax,
  ageMs,
  now
}: {
  entriesMax: number
  ageMs: number
  now: () => Date
}): BoundedMap<Value> => {
  const entries = new Map<string, Entry<Value>>()
  const makeRoom = () => {
    let passedOver = 0
    for (const [key, entry] of entries) {
      entries.delete(key)
      if (!entry.isUsed || passedOver === passedOverMax) return
      // The last one to be looked at next time.
      entry.isUsed = false
      entries.set(key, entry)
      passedOver += 1
    }
  }
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (!entry) return undefined
      entry.isUsed = true
      if (now().getTime() < entry.until) return entry.value
      entries.delete(key)
      return undefined
    },
    set: (key, value) => {
      entries.delete(key)
      if (entries.size >= entriesMax) makeRoom()
      entries.set(key, { value, until: now().getTime() + ageMs, isUsed: false })
    },
    delete: (key) => {
      entries.delete(key)
    }
  }
}
