import { setTimeout as pause } from 'node:timers/promises'
import type { ProviderRow } from '../database.ts'
import type { Watch } from './watch.ts'
import type { WatchStore } from './watch-store.ts'

type Tools = {
  store: WatchStore
  watch: Watch
  /** The tools of this provider are to be listed again, soon. */
  onChange: (id: string) => Promise<void>
  /** Who this replica is. */
  watcher: string
  watchesMax: number
  /** Between 0 and 1. */
  random: () => number
  now: () => number
  report: (error: unknown) => void
}

export type Watches = {
  /** Takes up what nobody watches, again and again. */
  start: () => void
  /** Does that once. */
  look: () => Promise<void>
  /** Keeps what is watched here from the other replicas, and ends what was taken over. */
  renew: () => Promise<void>
  /** Begins anew with a provider that was changed; without an id with all. */
  restart: (id?: string) => void
  /** Leaves all to the other replicas. */
  close: () => Promise<void>
}

type Running = { tenant_id: string; stop: AbortController; done: Promise<void> }

const lookMs = 5_000
// A look ends, however many wait: the next one goes on.
const claimsMax = 32
const claimedMax = 16
const leaseSeconds = 60
const renewMs = leaseSeconds * 250
/** As many changes told in such a time are one. */
const coalesceMs = 1_000
/** One that was heard for so long is well, also when it ends. */
const wellMs = 600_000
const againSeconds = 5
const againSecondsMax = 3_600
const offeredSeconds = 86_400

/**
 * Listens to servers for changes of their tools: each of them one replica, and a replica to so many at most. A tenant takes
 * no more of them than are left for others then, so that none has all, nor two; and those who wait take turns.
 */
export const createWatches = ({ store, watch, onChange, watcher, watchesMax, random, now, report }: Tools): Watches => {
  const running = new Map<string, Running>()
  let isClosing = false
  let looking = Promise.resolve()

  const releaseAfter = async (
    row: ProviderRow,
    signal: AbortSignal
  ): Promise<{ seconds: number; failures: number }> => {
    const startedAt = now()
    const tell = coalesced(() => onChange(row.id), { signal, report })
    const outcome = await watch(row, signal, tell).catch((error: unknown) => {
      if (!signal.aborted) report(error)
      return 'failed'
    })
    if (signal.aborted) return { seconds: 0, failures: 0 }
    if (outcome === 'not offered') return { seconds: spread(offeredSeconds), failures: 0 }
    const failures = now() - startedAt >= wellMs ? 0 : row.tools_watch_failures + 1
    return { seconds: spread(Math.min(againSecondsMax, againSeconds * 2 ** failures)), failures }
  }
  // Servers that went away together are not asked again together.
  const spread = (seconds: number): number => seconds * (0.5 + random())

  const begin = (row: ProviderRow): void => {
    const stop = new AbortController()
    const done = releaseAfter(row, stop.signal)
      .then((release) => store.release(watcher, row.id, release))
      .catch(report)
      .finally(() => {
        if (running.get(row.id)?.stop === stop) running.delete(row.id)
        // It was ended here because of a change, and is taken up again as it is now.
        if (stop.signal.aborted) look().catch(report)
      })
    running.set(row.id, { tenant_id: row.tenant_id, stop, done })
  }
  const tenantsWithShare = (free: number): string[] => {
    const shares = Map.groupBy(running.values(), ({ tenant_id }) => tenant_id)
    return [...shares].filter(([, { length }]) => length >= free).map(([tenant_id]) => tenant_id)
  }
  const lookOnce = async (): Promise<void> => {
    const served = new Set<string>()
    for (let claims = 0; claims < claimsMax; claims += 1) {
      const free = watchesMax - running.size
      if (isClosing || free <= 0) return
      const except = [...served, ...tenantsWithShare(free)]
      const rows = await store.claim(watcher, { limit: Math.min(claimedMax, free), except, leaseSeconds })
      if (rows.length === 0 && served.size === 0) return
      if (rows.length === 0) served.clear()
      for (const row of rows) {
        served.add(row.tenant_id)
        begin(row)
      }
    }
  }
  // One after the other: two at a time would both count what is free before either takes it.
  const look = (): Promise<void> => {
    const own = looking.then(lookOnce)
    looking = own.catch(() => undefined)
    return own
  }
  const renew = async (): Promise<void> => {
    if (running.size === 0) return
    const asked = [...running]
    const held = await store.renew(watcher, [...running.keys()], leaseSeconds)
    for (const [id, { stop }] of asked) if (!held.has(id)) stop.abort()
  }
  const timers: NodeJS.Timeout[] = []

  return {
    start: () => {
      if (watchesMax === 0) return
      const every = (ms: number, work: () => Promise<void>) => timers.push(setInterval(() => work().catch(report), ms))
      look().catch(report)
      every(lookMs, look)
      every(renewMs, renew)
    },
    look,
    renew,
    restart: (id) => {
      for (const [watched, { stop }] of running) if (id === undefined || watched === id) stop.abort()
    },
    close: async () => {
      isClosing = true
      for (const timer of timers) clearInterval(timer)
      await looking
      const all = [...running.values()]
      for (const { stop } of all) stop.abort()
      await Promise.all(all.map(({ done }) => done))
    }
  }
}

/** Does the work when it is wanted, one at a time and not oftener than there is time between. */
const coalesced = (
  work: () => Promise<void>,
  { signal, report }: { signal: AbortSignal; report: (error: unknown) => void }
): (() => void) => {
  let isWanted = false
  let isWorking = false
  const workWhileWanted = async () => {
    while (isWanted && !signal.aborted) {
      isWanted = false
      await work().catch(report)
      await pause(coalesceMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
    isWorking = false
  }
  return () => {
    isWanted = true
    if (isWorking) return
    isWorking = true
    workWhileWanted().catch(report)
  }
}
