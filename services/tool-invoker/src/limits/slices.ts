import type { TakeSlice } from './store.ts'

/** `keyOf` names the window of one of a group, where all replicas find it. */
export type Limit = { max: number; windowMs: number; keyOf: (group: string, id: string) => string }

/** How many were counted in the window, one more than `max` when it is used up, and how long it goes on. */
export type Spent = { current: number; ttlMs: number }

/** What one replica has of the window of one key. */
export type Slice = {
  /** Of what was taken, not spent yet. */
  left: number
  /** Spent since it was taken. */
  spent: number
  /** Spent of nothing that was taken, and still to be told. */
  owed: number
  /** Of the whole window, as it was told last. */
  used: number
  isAlone: boolean
  waiting: number
  freshUntil: number
  endsAt: number
  taking: Promise<void> | undefined
}

export type Slices = {
  /** Counts one. */
  spend: (group: string, id: string) => Promise<Spent>
  /** What one more can be counted in, with `count`, at once; undefined where nobody knows before the window is asked. */
  lasting: (group: string, id: string, at: number) => Slice | undefined
}

const freshMs = 1_000
const aloneMs = 5_000
const share = 0.05
const slicesMax = 100_000
// What one replica may count before it tells; that of five replicas is never granted to anybody, so that the limit holds.
const untoldShare = 0.01
const untoldReplicas = 5

/**
 * Spends one limit that is shared over replicas, for each key of a group, from slices of its window: a replica takes at
 * most a twentieth at once, and keeps it for a second. A hundredth it spends before it asks at all, so that who calls
 * now and then waits for nobody. While nobody can be asked each replica counts for itself.
 */
export const createSlices = (
  take: TakeSlice,
  { max, windowMs, keyOf }: Limit,
  now: () => number = Date.now
): Slices => {
  const groups = new Map<string, Map<string, Slice>>()
  let size = 0
  const untoldMax = Math.floor(max * untoldShare)
  const grantedMax = max - untoldMax * untoldReplicas

  const forgetOldest = () => {
    for (const [group, slices] of groups) {
      for (const id of slices.keys()) {
        slices.delete(id)
        if (slices.size === 0) groups.delete(group)
        size -= 1
        return
      }
    }
  }
  const sliceOf = (group: string, id: string): Slice => {
    let slices = groups.get(group)
    const known = slices?.get(id)
    if (known) return known
    if (size === slicesMax) forgetOldest()
    slices = groups.get(group) ?? new Map()
    groups.set(group, slices)
    const slice: Slice = { ...untouched }
    slices.set(id, slice)
    size += 1
    return slice
  }

  const takeMore = async (key: string, slice: Slice): Promise<void> => {
    const startedAt = now()
    if (startedAt >= slice.endsAt) Object.assign(slice, { left: 0, owed: 0 })
    const want = Math.min(Math.max(slice.waiting, 2 * slice.spent), Math.max(1, Math.floor(max * share)))
    const told = slice.owed
    const back = (slice.isAlone ? 0 : slice.left) - told
    const taken = await take({ key, max: grantedMax, windowMs, want, back }).catch(() => undefined)
    if (taken) {
      const { granted: left, used, ttlMs } = taken
      const until = { freshUntil: startedAt + freshMs, endsAt: startedAt + ttlMs }
      Object.assign(slice, { left, used, owed: Math.max(0, slice.owed - told), isAlone: false, ...until })
    } else {
      const endsAt = slice.endsAt > startedAt ? slice.endsAt : startedAt + windowMs
      Object.assign(slice, { left: max - slice.owed, isAlone: true, freshUntil: startedAt + aloneMs, endsAt })
    }
    slice.spent = 0
  }

  const refresh = async (key: string, slice: Slice): Promise<void> => {
    slice.waiting += 1
    slice.taking ??= takeMore(key, slice).finally(() => {
      slice.taking = undefined
    })
    await slice.taking
    slice.waiting -= 1
  }

  const isUsedUp = (slice: Slice): boolean =>
    slice.left <= 0 && (slice.isAlone || slice.used >= grantedMax) && isFresh(slice, now())
  const lasts = (slice: Slice, at: number): boolean => {
    if (isFresh(slice, at) && (slice.left > 0 || slice.isAlone)) return slice.left > 0
    if (untoldMax === 0) return false
    if (at >= slice.endsAt) Object.assign(slice, { ...untold, endsAt: at + windowMs })
    return slice.used < grantedMax && slice.owed < untoldMax
  }

  return {
    spend: async (group, id) => {
      const slice = sliceOf(group, id)
      while (!lasts(slice, now())) {
        if (isUsedUp(slice)) return { current: max + 1, ttlMs: slice.endsAt - now() }
        await refresh(keyOf(group, id), slice)
      }
      count(slice, now())
      const told = slice.isAlone ? 0 : slice.used - slice.left
      return { current: Math.min(max, told + slice.owed), ttlMs: slice.endsAt - now() }
    },
    lasting: (group, id, at) => {
      const slice = sliceOf(group, id)
      return lasts(slice, at) ? slice : undefined
    }
  }
}

const isFresh = (slice: Slice, at: number): boolean => at < slice.freshUntil && at < slice.endsAt

/** Counts one in what is lasting at that time. */
export const count = (slice: Slice, at: number): void => {
  const isOfTaken = slice.left > 0 && isFresh(slice, at)
  if (isOfTaken) slice.left -= 1
  if (!isOfTaken || slice.isAlone) slice.owed += 1
  slice.spent += 1
}

const untold = { left: 0, spent: 0, owed: 0, used: 0, isAlone: false }

const untouched: Slice = { ...untold, ...{ waiting: 0, freshUntil: 0, endsAt: 0, taking: undefined } }
