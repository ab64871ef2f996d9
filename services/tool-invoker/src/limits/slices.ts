import type { TakeSlice } from './store.ts'

export type Limit = { max: number; windowMs: number }

/** How many were counted in the window, one more than `max` when it is used up, and how long it goes on. */
export type Spent = { current: number; ttlMs: number }

export type Slices = {
  /** Counts one. */
  spend: (key: string, limit: Limit) => Promise<Spent>
  /** Counts one in each, at once, where what is held of all of them lasts for it; else it counts in none. */
  spendHeld: (keys: readonly string[]) => boolean
}

type Slice = {
  /** Of what was taken, not spent yet. */
  left: number
  /** Spent since it was taken. */
  spent: number
  /** Spent while nobody could be asked, and still to be told. */
  owed: number
  used: number
  isAlone: boolean
  waiting: number
  freshUntil: number
  endsAt: number
  taking: Promise<void> | undefined
}

const freshMs = 1_000
const aloneMs = 5_000
const share = 0.05
const keysMax = 100_000

/**
 * Spends limits that are shared over replicas from slices of their windows: a replica takes at most a twentieth at
 * once, and keeps it for a second. While nobody can be asked each replica counts for itself.
 */
export const createSlices = (take: TakeSlice, now: () => number = Date.now): Slices => {
  const slices = new Map<string, Slice>()

  const sliceOf = (key: string): Slice => {
    const known = slices.get(key)
    if (known) return known
    const slice: Slice = { ...untouched }
    slices.set(key, slice)
    const [oldest] = slices.keys()
    if (slices.size > keysMax && oldest !== undefined) slices.delete(oldest)
    return slice
  }

  const takeMore = async (key: string, slice: Slice, { max, windowMs }: Limit): Promise<void> => {
    const startedAt = now()
    if (startedAt >= slice.endsAt) Object.assign(slice, { left: 0, owed: 0 })
    const want = Math.min(Math.max(slice.waiting, 2 * slice.spent), Math.max(1, Math.floor(max * share)))
    const back = slice.isAlone ? -slice.owed : slice.left
    const taken = await take({ key, max, windowMs, want, back }).catch(() => undefined)
    if (taken) {
      const { granted: left, used, ttlMs } = taken
      const until = { freshUntil: startedAt + freshMs, endsAt: startedAt + ttlMs }
      Object.assign(slice, { left, used, owed: 0, isAlone: false, ...until })
    } else {
      const endsAt = slice.endsAt > startedAt ? slice.endsAt : startedAt + windowMs
      Object.assign(slice, { left: max - slice.owed, isAlone: true, freshUntil: startedAt + aloneMs, endsAt })
    }
    slice.spent = 0
  }

  const isFresh = (slice: Slice): boolean => now() < Math.min(slice.freshUntil, slice.endsAt)

  const refresh = async (key: string, slice: Slice, limit: Limit): Promise<void> => {
    slice.waiting += 1
    slice.taking ??= takeMore(key, slice, limit).finally(() => {
      slice.taking = undefined
    })
    await slice.taking
    slice.waiting -= 1
  }

  const count = (slice: Slice): void => {
    slice.left -= 1
    slice.spent += 1
    if (slice.isAlone) slice.owed += 1
  }
  return {
    spend: async (key, limit) => {
      const slice = sliceOf(key)
      const isUsedUp = () => isFresh(slice) && slice.left <= 0 && (slice.isAlone || slice.used >= limit.max)
      while (!isUsedUp() && !(isFresh(slice) && slice.left > 0)) await refresh(key, slice, limit)
      const ttlMs = slice.endsAt - now()
      if (slice.left <= 0) return { current: limit.max + 1, ttlMs }
      count(slice)
      return { current: slice.isAlone ? slice.owed : slice.used - slice.left, ttlMs }
    },
    spendHeld: (keys) => {
      const held: Slice[] = []
      for (const key of keys) {
        const slice = slices.get(key)
        if (!slice || slice.left <= 0 || !isFresh(slice)) return false
        held.push(slice)
      }
      for (const slice of held) count(slice)
      return true
    }
  }
}

const untouched: Slice = {
  ...{ left: 0, spent: 0, owed: 0, used: 0, isAlone: false, waiting: 0 },
  ...{ freshUntil: 0, endsAt: 0, taking: undefined }
}
