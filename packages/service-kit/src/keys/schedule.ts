/** When a signing key begins to sign; until then it is only shown. */
export type KeyTime = { active_from: Date }

/** A key is shown for so long before it signs: twice what verifiers may keep our published keys. */
export const leadSeconds = 600
/** A key is shown for so long after it signed last: as long as anything lives that we sign (a link to /connect). */
export const keepSeconds = 3_600

const after = (date: Date, seconds: number) => new Date(date.getTime() + seconds * 1000)

// The rows come ordered by `active_from`. A first key made by a clock that is ahead signs at once all the same.
const indexOfCurrent = (keys: readonly KeyTime[], now: Date): number =>
  Math.max(
    0,
    keys.findLastIndex(({ active_from }) => active_from <= now)
  )

/** The key that signs at `now`; undefined where there is none. */
export const currentOf = <Key extends KeyTime>(keys: readonly Key[], now: Date): Key | undefined =>
  keys[indexOfCurrent(keys, now)]

/** The key that is shown and does not sign yet. */
export const nextOf = <Key extends KeyTime>(keys: readonly Key[], now: Date): Key | undefined =>
  keys[indexOfCurrent(keys, now) + 1]

/** Whether the next key has to be shown now, so that it can sign when the current one is `rotateSeconds` old. */
export const isDue = (keys: readonly KeyTime[], now: Date, rotateSeconds: number): boolean => {
  const current = currentOf(keys, now)
  return current !== undefined && !nextOf(keys, now) && after(current.active_from, rotateSeconds - leadSeconds) <= now
}

/** When a key that is shown from now on may sign. */
export const activeFrom = (now: Date): Date => after(now, leadSeconds)

/** The keys that nothing still valid can have been signed with: their successor has signed for `keepSeconds`. */
export const outdatedOf = <Key extends KeyTime>(keys: readonly Key[], now: Date): Key[] =>
  keys.filter((_, index) => {
    const successor = keys[index + 1]
    return successor !== undefined && after(successor.active_from, keepSeconds) <= now
  })
