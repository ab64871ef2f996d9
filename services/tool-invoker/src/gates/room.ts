export type Room<Of, For> = { max: number; make: (what: For) => Of; isInUse: (one: Of) => boolean }

/** So many are looked at for one that comes, unless all of them are in use. */
const lookedAt = 100

/**
 * One for each key while it is in use, and after that while there is room: who comes again finds it, so that a call makes
 * none, and leaves none behind in a Map that changes all the time. Where all are in use, the oldest makes room.
 */
export const createRoom = <Of, For = void>({ max, make, isInUse }: Room<Of, For>): ((key: string, what: For) => Of) => {
  const all = new Map<string, Of>()
  const makeRoom = (): void => {
    let looked = 0
    for (const [key, one] of all) {
      if (looked === max || (looked >= lookedAt && all.size < max)) break
      looked += 1
      all.delete(key)
      // Behind those that have not been looked at.
      if (isInUse(one)) all.set(key, one)
    }
    const [oldest] = all.keys()
    if (all.size >= max && oldest !== undefined) all.delete(oldest)
  }
  return (key, what) => {
    const known = all.get(key)
    if (known !== undefined) return known
    if (all.size >= max) makeRoom()
    const made = make(what)
    all.set(key, made)
    return made
  }
}
