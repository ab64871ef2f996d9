export type Room<Of, From> = { max: number; make: (from: From) => Of; isInUse: (one: Of) => boolean }

/** So many are looked at for one that comes, unless all of them are in use. */
const lookedAt = 100

/**
 * One for each key while it is in use, and after that while there is room: who comes again finds it, so that a call makes
 * none, and leaves none behind in a Map that changes all the time. Where all are in use, the oldest makes room.
 */
export const createRoom = <Of, From = void>({
  max,
  make,
  isInUse
}: Room<Of, From>): ((key: string, from: From) => Of) => {
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
  return (key, from) => {
    const known = all.get(key)
    if (known !== undefined) return known
    if (all.size >= max) makeRoom()
    const made = make(from)
    all.set(key, made)
    return made
  }
}
