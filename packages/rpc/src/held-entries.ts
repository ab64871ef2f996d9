import { LRUCache } from 'lru-cache'
import { createTagIndex } from './tag-index.ts'

/**
 * What is held for a key: the value, what it depends on, and how long it may be used. Who asks for the same again and
 * again keeps it, and reads it by `use` alone: once it is held no more its value is gone.
 */
export type Held<Value> = {
  readonly id: string
  readonly value: Value
  readonly tags: readonly string[]
  /** When the owner is asked again: never, once it is held no more. */
  refreshAt: number
  endsAt: number
  /** Since it is held, or since it was passed over for another one. */
  isUsed: boolean
}

type Options = { max: number; now: () => number }

/** What is held now, by key and by tag. */
export type HeldEntries<Value> = {
  find: (id: string) => Held<Value> | undefined
  /** In place of what is held for its key; one that weighs more than `max` is not held. */
  keep: (entry: Held<Value>, weight: number) => void
  delete: (id: string) => void
  deleteTag: (tag: string) => void
  clear: () => void
  size: () => number
}

const goneAt = Number.NEGATIVE_INFINITY
// So many that are in use are passed over for one that comes.
const passedOverMax = 100
const sweepMs = 1_000
const sweptAtOnce = 200

/**
 * As many as weigh `max` together. Who comes when there is no room takes that of the one held longest that is not used, so
 * that a use costs no more than a mark. What has ended is let go of within half a minute, whether somebody comes or not.
 */
export const createHeldEntries = <Value>({ max, now }: Options): HeldEntries<Value> => {
  const index = createTagIndex()
  const forget = (entry: Held<Value>) => {
    // Who kept it keeps nothing that was let go of, which may be large, or a secret.
    Object.assign(entry, { refreshAt: goneAt, value: undefined })
    for (const tag of entry.tags) index.remove(tag, entry.id)
  }
  // Bounded by size and not by `max`, for which room for every entry would be made at the start (36 ms for 100,000).
  const entries = new LRUCache<string, Held<Value>>({ maxSize: max, dispose: forget })
  let sweeping: NodeJS.Timeout | undefined

  const oldest = (): Held<Value> | undefined => entries.rvalues().next().value ?? undefined
  const makeRoom = (weight: number): void => {
    for (let passedOver = 0; entries.calculatedSize + weight > max && passedOver < passedOverMax; ) {
      const entry = oldest()
      if (entry === undefined) return
      if (!entry.isUsed || now() >= entry.endsAt) {
        entries.delete(entry.id)
        continue
      }
      entry.isUsed = false
      // The last one to be looked at next time.
      entries.get(entry.id)
      passedOver += 1
    }
  }
  const sweep = (): void => {
    const at = now()
    let swept = 0
    for (let entry = oldest(); entry && at >= entry.endsAt && swept < sweptAtOnce; entry = oldest()) {
      entries.delete(entry.id)
      swept += 1
    }
    sweepIn(swept === sweptAtOnce ? 1 : sweepMs)
  }
  const sweepIn = (ms: number): void => {
    sweeping = entries.size === 0 ? undefined : setTimeout(sweep, ms).unref()
  }

  return {
    find: (id) => entries.peek(id),
    keep: (entry, weight) => {
      if (weight <= max && !entries.has(entry.id)) makeRoom(weight)
      entries.set(entry.id, entry, { size: weight })
      if (!entries.has(entry.id)) return forget(entry)
      for (const tag of entry.tags) index.add(tag, entry.id)
      if (sweeping === undefined) sweepIn(sweepMs)
    },
    delete: (id) => {
      entries.delete(id)
    },
    deleteTag: (tag) => {
      for (const id of index.idsOf(tag)) entries.delete(id)
    },
    clear: () => {
      entries.clear()
    },
    size: () => entries.size
  }
}
