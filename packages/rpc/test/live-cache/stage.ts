import { createLiveCache, type LiveCacheOptions } from '../../src/index.ts'

export type Held = { version: number; tags: string[]; expiresAt?: number }
type Load = { key: string; answer: (held: Held) => void; fail: (error: Error) => void }

/** A cache whose owner answers when the test says so, under a clock the test moves. */
export const start = (options: Partial<LiveCacheOptions<string, Held>> = {}) => {
  const clock = { time: 1_000 }
  const loads: Load[] = []
  const cache = createLiveCache<string, Held>({
    max: 100,
    keyOf: (key) => key,
    load: (key) => new Promise((answer, fail) => loads.push({ key, answer, fail })),
    tagsOf: ({ tags }) => tags,
    expiresAtOf: ({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt,
    now: () => clock.time,
    ...options
  })
  const load = (index: number): Load => {
    const there = loads[index]
    if (there) return there
    throw new Error(`load ${index} did not begin`)
  }
  /** Holds a first version. */
  const hold = async (key: string, held: Held) => {
    const asked = cache.get(key)
    load(loads.length - 1).answer(held)
    await asked
  }
  return { cache, clock, loads, load, hold }
}
export const v = (version: number, ...tags: string[]): Held => ({ version, tags })
