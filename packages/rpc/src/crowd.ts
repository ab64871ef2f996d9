/** One of a crowd, and where it stands there. */
export type Member = { place: number }

/** What is under way now and changes all the time. */
export type Crowd<Of extends Member> = {
  enter: (member: Of) => void
  /** Does nothing for one that is there no more. */
  leave: (member: Of) => void
  has: (member: Of) => boolean
  /** Those who are there now. */
  members: () => Of[]
}

/**
 * An array, and no Set or Map: of one that changes all the time V8 makes a new table every few dozen changes, and each
 * former table holds on to what was in it and to the next table. Once one of them was old, nothing that was ever in it would be young
 * garbage: the memory of every call would be copied, and kept until the next full collection.
 */
export const createCrowd = <Of extends Member>(): Crowd<Of> => {
  const all: Of[] = []
  const has = (member: Of) => all[member.place] === member
  return {
    enter: (member) => {
      member.place = all.push(member) - 1
    },
    leave: (member) => {
      if (!has(member)) return
      const last = all.pop()
      if (last === undefined || last === member) return
      // The last one takes the place that is free.
      last.place = member.place
      all[last.place] = last
    },
    has,
    members: () => [...all]
  }
}
