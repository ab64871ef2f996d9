import type { LeftOut } from './tool.ts'

const entriesMax = 100
// Names may be so long that fewer are too much: a page of providers has what is kept of each.
const lengthMax = 16 * 1024

/** The first of them, the last of which says how many there are beside. */
export const firstLeftOut = (all: readonly LeftOut[]): LeftOut[] => {
  let length = 0
  const beyond = all.findIndex((entry, index) => {
    length += JSON.stringify(entry).length
    return index === entriesMax || length > lengthMax
  })
  if (beyond === -1) return [...all]
  const kept = all.slice(0, beyond)
  const last = kept.pop()
  const others = all.length - beyond
  return last
    ? [...kept, { ...last, reason: `${last.reason}; and ${others} more of the list are not named here` }]
    : kept
}
