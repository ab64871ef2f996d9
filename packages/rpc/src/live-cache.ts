import { ReportedError } from '@onbehalf/errors'
import { createCrowd, type Member } from './crowd.ts'
import { createHeldEntries, type Held } from './held-entries.ts'
import { createKeyedCrowd } from './keyed-crowd.ts'

/** A value, and where it is held what to keep for `use`. */
export type Found<Value> = { value: Value; held: Held<Value> | undefined }

/** What was emptied while a load ran, so that an older answer is not kept. */
type Guard = Member & { id: string; dropped: Set<string>; isDropped: boolean }

export type LiveCacheOptions<Key, Value> = {
  /** Entries held at most, or what they may weigh together; those that are not used leave first. */
  max: number
  /** What one weighs, where they are not all alike: one that weighs more than `max` is not held. */
  weightOf?: (value: Value) => number
  keyOf: (key: Key) => string
  load: (key: Key) => Promise<Value>
  /** What the value depends on, as `kind:id`; a change of any of them drops the entry. */
  tagsOf: (value: Value, key: Key) => readonly string[]
  /** Milliseconds since the epoch after which the value is of no use, whatever the owner says. */
  expiresAtOf?: (value: Value) => number
  /** When the value was true for certain, where that is before the load began: one that another cache had held. */
  trueAtOf?: (value: Value) => number
  /** Age at which a hit asks the owner again in the background (20 s). */
  refreshAfterMs?: number
  /** Age at which an entry is no longer used (30 s): a revocation acts by then even when the bus is broken. */
  maxAgeMs?: number
  now?: () => number
}

export type LiveCache<Key, Value> = {
  /** The held value, or what `load` gives; callers of one key at once share one load. */
  get: (key: Key) => Promise<Value>
  /** The held value if it can be used now, without waiting. */
  peek: (key: Key) => Value | undefined
  /** What `get` gives, with what to keep; without waiting where it is held. */
  hold: (key: Key) => Found<Value> | Promise<Found<Value>>
  /** The value of what was kept, while it is held and its owner need not be asked; else it is to be looked for anew. */
  use: (held: Held<Value>) => Value | undefined
  delete: (key: Key) => void
  dropTag: (tag: string) => void
  dropAll: () => void
  size: () => number
}

/**
 * A cache of what another service owns: emptied by that owner's feed, asked again in the background, never used past
 * `maxAgeMs`. A load that began before an emptying which concerns it is answered to its callers but not kept.
 */
export const createLiveCache = <Key, Value>({
  max,
  keyOf,
  load,
  tagsOf,
  weightOf = () => 1,
  expiresAtOf = () => Number.POSITIVE_INFINITY,
  trueAtOf = () => Number.POSITIVE_INFINITY,
  refreshAfterMs = 20_000,
  maxAgeMs = 30_000,
  now = Date.now
}: LiveCacheOptions<Key, Value>): LiveCache<Key, Value> => {
  const entries = createHeldEntries<Value>({ max, now })
  // A load is joined only until the next emptying; its guard lives until it ends.
  const loads = createKeyedCrowd<Promise<Found<Value>>>()
  const guards = createCrowd<Guard>()

  /** What is held for a key, where it can be used now; after a while it is asked again, which nobody waits for. */
  const find = (id: string, key: Key): Held<Value> | undefined => {
    const entry = entries.find(id)
    if (entry === undefined) return undefined
    const at = now()
    if (at >= entry.endsAt) return undefined
    entry.isUsed = true
    if (at >= entry.refreshAt) refresh(id, key)
    return entry
  }

  /** In place of what was held, which is its owner's word no more, also where this has ended by now. */
  const keep = (id: string, value: Value, tags: readonly string[], loadedAt: number): Held<Value> | undefined => {
    const since = Math.min(loadedAt, trueAtOf(value))
    const refreshAt = since + refreshAfterMs
    const endsAt = Math.min(expiresAtOf(value), since + maxAgeMs)
    if (now() >= endsAt) {
      entries.delete(id)
      return undefined
    }
    // A copy has no more room than it needs, nor has an object whose members are all named where it is made.
    const held = { id, value, tags: tags.slice(), refreshAt, endsAt, isUsed: false }
    entries.keep(held, weightOf(value))
    return held
  }

  const begin = (id: string, key: Key): Promise<Found<Value>> => {
    const running = loads.get(id)
    if (running !== undefined) return running
    const loadedAt = now()
    const guard: Guard = { place: -1, id, dropped: new Set(), isDropped: false }
    guards.enter(guard)
    const promise = load(key)
      .then((value) => {
        const tags = tagsOf(value, key)
        const isStale = guard.isDropped || tags.some((tag) => guard.dropped.has(tag))
        return { value, held: isStale ? undefined : keep(id, value, tags, loadedAt) }
      })
      .finally(() => {
        if (loads.get(id) === promise) loads.delete(id)
        guards.leave(guard)
      })
    loads.set(id, promise)
    return promise
  }
  const guard = (mark: (guard: Guard) => void) => {
    for (const running of guards.members()) mark(running)
    loads.clear()
  }
  const refresh = (id: string, key: Key) => {
    // A refusal is the owner's word that the value no longer holds; a failure to ask leaves it until maxAgeMs.
    begin(id, key).catch((error: unknown) => {
      if (isRefusal(error)) entries.delete(id)
    })
  }

  const hold = (key: Key): Found<Value> | Promise<Found<Value>> => {
    const id = keyOf(key)
    const held = find(id, key)
    return held ? { value: held.value, held } : begin(id, key)
  }

  return {
    get: async (key) => (await hold(key)).value,
    peek: (key) => find(keyOf(key), key)?.value,
    hold,
    use: (entry) => {
      const at = now()
      if (at >= entry.refreshAt || at >= entry.endsAt) return undefined
      entry.isUsed = true
      return entry.value
    },
    delete: (key) => {
      const id = keyOf(key)
      for (const one of guards.members()) if (one.id === id) one.isDropped = true
      loads.delete(id)
      entries.delete(id)
    },
    dropTag: (tag) => {
      guard((one) => one.dropped.add(tag))
      entries.deleteTag(tag)
    },
    dropAll: () => {
      guard((one) => {
        one.isDropped = true
      })
      entries.clear()
    },
    size: entries.size
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof ReportedError && error.status < 500 && error.code !== 'too_many_requests'
