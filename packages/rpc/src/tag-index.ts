/** Which entries rest on what: most tags have one entry, which then takes no set. */
export type TagIndex = {
  add: (tag: string, id: string) => void
  remove: (tag: string, id: string) => void
  /** A copy, which what is done to the entries does not change. */
  idsOf: (tag: string) => string[]
}

export const createTagIndex = (): TagIndex => {
  const index = new Map<string, string | Set<string>>()
  return {
    add: (tag, id) => {
      const ids = index.get(tag)
      if (ids === undefined) index.set(tag, id)
      else if (typeof ids !== 'string') ids.add(id)
      else if (ids !== id) index.set(tag, new Set([ids, id]))
    },
    remove: (tag, id) => {
      const ids = index.get(tag)
      if (typeof ids !== 'string') ids?.delete(id)
      if (ids === id || (typeof ids === 'object' && ids.size === 0)) index.delete(tag)
    },
    idsOf: (tag) => {
      const ids = index.get(tag)
      return typeof ids === 'string' ? [ids] : [...(ids ?? [])]
    }
  }
}
