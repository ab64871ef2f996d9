import type { ProviderRow } from '../database.ts'
import type { DueStore } from './due-store.ts'

type Tools = {
  due: Pick<DueStore, 'claim' | 'postpone'>
  /** Lists one provider anew; what goes wrong with its server is no error. */
  refresh: (row: ProviderRow) => Promise<void>
  everySeconds: number
  /** Between 0 and 1: providers that were made at one moment are not listed at one moment for ever. */
  random: () => number
  report: (error: unknown) => void
}

export type Schedule = {
  /** Looks for what is due from now on. */
  start: () => void
  /** Looks at once. */
  hurry: () => void
  /** Lists what is due, as long as something is, and resolves when all of it is done. */
  runDue: () => Promise<void>
  /** Begins nothing more, and waits a while for what runs. */
  close: () => Promise<void>
}

const inFlightMax = 32
// Of one tenant so many at a time, and no more while so many run: whose servers are slow, or tell of changes all the
// time, waits for its own lists and lets the others have theirs.
const perTenant = 4
// Longer than a listing may take: who has not postponed by then is gone.
const leaseSeconds = 15 * 60
// It looks sixty times in the time after which a server is listed again, and soon enough for one that told of a change.
const lookMsPerSecond = 1_000 / 60
const lookMsMax = 10_000
const closeMs = 5_000

/** Lists every provider's tools again and again; each time any one replica does it. A slow server holds up no other. */
export const createSchedule = ({ due, refresh, everySeconds, random, report }: Tools): Schedule => {
  const running = new Map<Promise<void>, string>()
  let isClosing = false
  let round: Promise<void> | undefined

  const one = async (row: ProviderRow): Promise<void> => {
    await refresh(row).catch(report)
    await due.postpone(row.id, everySeconds * (0.9 + random() / 5)).catch(report)
  }
  const begin = (row: ProviderRow): void => {
    const work = one(row).finally(() => running.delete(work))
    running.set(work, row.tenant_id)
  }
  const busyTenants = (): string[] => {
    const counts = Map.groupBy(running.values(), (tenant) => tenant)
    return [...counts].filter(([, { length }]) => length >= perTenant).map(([tenant]) => tenant)
  }
  const lookWhileDue = async (): Promise<void> => {
    while (!isClosing) {
      const except = busyTenants()
      const limit = inFlightMax - running.size
      // Of those that run now: one that ends while others are claimed has made a place, too.
      const oneEnds = Promise.race(running.keys())
      const rows = limit > 0 ? await due.claim({ limit, perTenant, except, leaseSeconds }) : []
      for (const row of rows) begin(row)
      if (rows.length > 0) continue
      if (limit > 0 && except.length === 0) return
      await oneEnds
    }
  }
  const look = (): Promise<void> => {
    round ??= lookWhileDue().finally(() => {
      round = undefined
    })
    return round
  }
  const hurry = (): void => {
    look().catch(report)
  }
  let timer: NodeJS.Timeout | undefined

  return {
    start: () => {
      timer = setInterval(hurry, Math.min(lookMsMax, everySeconds * lookMsPerSecond))
    },
    hurry,
    runDue: async () => {
      await look()
      await Promise.all(running.keys())
    },
    close: async () => {
      isClosing = true
      clearInterval(timer)
      await Promise.race([Promise.all(running.keys()), late()])
    }
  }
}

const late = () =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, closeMs).unref()
  })
