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
// Longer than a listing may take: who has not postponed by then is gone.
const leaseSeconds = 15 * 60
// It looks sixty times in the time after which a server is listed again, and soon enough for one that told of a change.
const lookMsPerSecond = 1_000 / 60
const lookMsMax = 10_000
const closeMs = 5_000

/** Lists every provider's tools again and again; each time any one replica does it. A slow server holds up no other. */
export const createSchedule = ({ due, refresh, everySeconds, random, report }: Tools): Schedule => {
  const running = new Set<Promise<void>>()
  let isClosing = false
  let round: Promise<void> | undefined

  const one = async (row: ProviderRow): Promise<void> => {
    await refresh(row).catch(report)
    await due.postpone(row.id, everySeconds * (0.9 + random() / 5)).catch(report)
  }
  const begin = (row: ProviderRow): void => {
    const work = one(row).finally(() => running.delete(work))
    running.add(work)
  }
  const lookWhileDue = async (): Promise<void> => {
    while (!isClosing) {
      const free = inFlightMax - running.size
      const rows = free > 0 ? await due.claim(free, leaseSeconds) : []
      for (const row of rows) begin(row)
      if (free > 0 && rows.length < free) return
      await Promise.race(running)
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
      await Promise.all(running)
    },
    close: async () => {
      isClosing = true
      clearInterval(timer)
      await Promise.race([Promise.all(running), late()])
    }
  }
}

const late = () =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, closeMs).unref()
  })
