/** What is under way now, by key, and changes all the time. */
export type KeyedCrowd<Of> = {
  get: (key: string) => Of | undefined
  set: (key: string, member: Of) => void
  delete: (key: string) => void
  clear: () => void
  /** Those who are there now. */
  members: () => Of[]
}

/** A Map whose former tables, which outlive their use as those of a Set do (see `createCrowd`), hold on to nothing but keys. */
export const createKeyedCrowd = <Of>(): KeyedCrowd<Of> => {
  const places = new Map<string, { member: Of | undefined }>()
  const free = (key: string) => {
    const place = places.get(key)
    if (place) place.member = undefined
  }
  return {
    get: (key) => places.get(key)?.member,
    set: (key, member) => {
      free(key)
      places.set(key, { member })
    },
    delete: (key) => {
      free(key)
      places.delete(key)
    },
    clear: () => {
      for (const place of places.values()) place.member = undefined
      places.clear()
    },
    members: () => [...places.values()].flatMap(({ member }) => member ?? [])
  }
}
