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
  /** The slice, where one more can be counted in it at once; undefined where the window has to be asked. */
  peek: (group: string, id: string, at: number) => Slice | undefined
}

const freshMs = 1_000
const aloneMs = 5_000
const share = 0.05
const slicesMax = 100_000
// What one replica may count before it tells. That of five replicas is granted to nobody, so that the limit holds; with more
// replicas each may add as much.
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

  // Of its own group: one tenant's servers push out no other one's.
  const makeRoomIn = (wanted: string) => {
    const [first = wanted] = groups.keys()
    const group = groups.has(wanted) ? wanted : first
    const [oldest = ''] = groups.get(group)?.keys() ?? []
    groups.get(group)?.delete(oldest)
    if (groups.get(group)?.size === 0) groups.delete(group)
    size -= 1
  }
  const sliceOf = (group: string, id: string): Slice => {
    const known = groups.get(group)?.get(id)
    if (known) return known
    if (size === slicesMax) makeRoomIn(group)
    const slices = groups.get(group) ?? new Map<string, Slice>()
    groups.set(group, slices)
    const slice: Slice = { ...untouched }
    slices.set(id, slice)
    size += 1
    return slice
  }
  // What was not told is told in the next window: forgotten, it would be counted in none.
  const beginWindow = (slice: Slice, endsAt: number) => {
    const owed = Math.min(slice.owed, untoldMax)
    Object.assign(slice, { left: 0, spent: 0, owed, used: 0, isAlone: false, endsAt })
  }

  const takeMore = async (key: string, slice: Slice): Promise<void> => {
    const startedAt = now()
    if (startedAt >= slice.endsAt) beginWindow(slice, startedAt + windowMs)
    // Who used up what was fresh gets more; who calls now and then keeps nothing that others could use.
    const soon = startedAt < slice.freshUntil ? 2 * slice.spent : 0
    const want = Math.min(Math.max(slice.waiting, soon), Math.max(1, Math.floor(max * share)))
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
  /** Whether one more can be counted before the window is asked. */
  const canCount = (slice: Slice, at: number): boolean => {
    if (at >= slice.endsAt && untoldMax > 0) beginWindow(slice, at + windowMs)
    // What is left of what is no longer fresh is to be given back.
    if (slice.left > 0 || slice.isAlone) return slice.left > 0 && isFresh(slice, at)
    return slice.used < grantedMax && slice.owed < untoldMax
  }

  return {
    spend: async (group, id) => {
      const slice = sliceOf(group, id)
      while (!canCount(slice, now())) {
        if (isUsedUp(slice)) return { current: max + 1, ttlMs: slice.endsAt - now() }
        await refresh(keyOf(group, id), slice)
      }
      count(slice, now())
      const told = slice.isAlone ? 0 : slice.used - slice.left
      return { current: Math.min(max, told + slice.owed), ttlMs: slice.endsAt - now() }
    },
    peek: (group, id, at) => {
      const slice = sliceOf(group, id)
      return canCount(slice, at) ? slice : undefined
    }
  }
}

const isFresh = (slice: Slice, at: number): boolean => at < slice.freshUntil && at < slice.endsAt

/** Counts one, where it can be. */
export const count = (slice: Slice, at: number): void => {
  const isOfTaken = slice.left > 0 && isFresh(slice, at)
  if (isOfTaken) slice.left -= 1
  if (!isOfTaken || slice.isAlone) slice.owed += 1
  slice.spent += 1
}

const untouched: Slice = {
  ...{ left: 0, spent: 0, owed: 0, used: 0, isAlone: false },
  ...{ waiting: 0, freshUntil: 0, endsAt: 0, taking: undefined }
}
