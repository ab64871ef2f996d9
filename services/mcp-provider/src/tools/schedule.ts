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
// Of one tenant so many are taken at once, and no more while so many run, which makes seven at most: whose servers are slow, or tell of changes all the
// time, waits for its own lists and lets the others have theirs.
const perTenant = 4
// Longer than a listing may take: who has not postponed by then is gone.
const leaseSeconds = 15 * 60
// It looks sixty times in the time after which a server is listed again, and soon enough for one that told of a change.
const lookMsPerSecond = 1_000 / 60
const lookMsMax = 10_000
const closeMs = 5_000

/** Lists every provider's tools again and again; each time any one replica does it. No tenant holds up another. */
export const createSchedule = ({ due, refresh, everySeconds, random, report }: Tools): Schedule => {
  const running = new Map<Promise<void>, string>()
  let isClosing = false
  let isWanted = false
  let isLooking = false
  let looking = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  const busyTenants = (): string[] => {
    const counts = Map.groupBy(running.values(), (tenant) => tenant)
    return [...counts].filter(([, { length }]) => length >= perTenant).map(([tenant]) => tenant)
  }
  const one = async (row: ProviderRow): Promise<void> => {
    await refresh(row).catch(report)
    await due.postpone(row.id, everySeconds * (0.9 + random() / 5)).catch(report)
  }
  // One that ends has made a place for another.
  const begin = (row: ProviderRow): void => {
    const work = one(row).finally(() => {
      running.delete(work)
      hurry()
    })
    running.set(work, row.tenant_id)
  }
  const lookWhileWanted = async (): Promise<void> => {
    try {
      while (isWanted && !isClosing) {
        isWanted = false
        const limit = inFlightMax - running.size
        const rows = limit > 0 ? await due.claim({ limit, perTenant, except: busyTenants(), leaseSeconds }) : []
        for (const row of rows) begin(row)
        if (rows.length > 0) isWanted = true
      }
    } finally {
      isLooking = false
    }
  }
  const hurry = (): void => {
    isWanted = true
    if (isLooking) return
    isLooking = true
    looking = lookWhileWanted().catch(report)
  }

  return {
    start: () => {
      timer = setInterval(hurry, Math.min(lookMsMax, everySeconds * lookMsPerSecond))
    },
    hurry,
    runDue: async () => {
      hurry()
      do {
        await looking
        await Promise.all(running.keys())
      } while (isLooking || running.size > 0)
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
