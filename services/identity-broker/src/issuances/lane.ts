import { createBatch, type OnUnfit, type Row, type Write } from './batch.ts'

/** How many rows wait, and for how long. */
export type Limits = {
  /** How many rows may wait to be written; who comes then waits, or is refused while writing fails. */
  waitingMax: number
  /** How many rows are written before their time comes. */
  dueMax: number
  /** How many rows are one statement. */
  batchMax: number
  /** How long rows are counted before they are written. */
  flushMs: number
  retryMs: number
}

type Options<Of extends Row> = Limits & {
  write: Write<Of>
  /** Whether a row that could not be written is let go where others wait for its place. */
  mayGo: (row: Of) => boolean
  /** Hears of the first failure to write after a success. */
  onTrouble: (error: unknown, waiting: number) => void
  onUnfit: OnUnfit<Of>
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Rows of one kind on their way to the table: counted together, and written one batch after the other. */
export const createLane = <Of extends Row>(options: Options<Of>) => {
  const { waitingMax, dueMax, batchMax, flushMs, retryMs, write, mayGo, onTrouble, onUnfit } = options
  let batch = createBatch<Of>()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  // Whether what waits is to be written at once; what comes while others are written waits for its time again.
  let isDue = false
  let isGivenUp = false
  let isTroubled = false

  const writeBatch = async () => {
    const taken = batch
    batch = createBatch()
    try {
      await taken.write(write, batchMax, onUnfit)
      isTroubled = false
    } catch (error) {
      batch.takeOver(taken, waitingMax, mayGo)
      isDue = true
      if (!isTroubled) onTrouble(error, batch.size())
      isTroubled = true
      await sleep(retryMs)
    }
  }
  const run = async () => {
    while (isDue && batch.size() > 0 && !isGivenUp) {
      isDue = false
      await writeBatch()
    }
  }
  /** Resolves when what is counted until now is written; rejects when that failed once, though it is tried again. */
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    if (batch.size() === 0) return running ?? Promise.resolve()
    const { done } = batch
    isDue = true
    running ??= run().finally(() => {
      running = undefined
      // Somebody may have come after the last look.
      if (isDue && !isGivenUp) void flush().catch(() => {})
    })
    return done
  }
  const hasRoom = (key: string) => batch.size() < waitingMax || batch.has(key)
  return {
    hasRoom,
    isFull: () => batch.size() >= waitingMax,
    /** Who asks faster than rows can be written waits for them; nobody does while writing fails. */
    waitForRoom: async (key: string): Promise<void> => {
      while (!hasRoom(key) && !isTroubled) await flush().catch(() => {})
    },
    /** Writes it with what else waits, in its time; or before there is no more room. */
    add: (key: string, make: () => Of): void => {
      batch.add(key, make)
      if (batch.size() >= dueMax) void flush().catch(() => {})
      else timer ??= setTimeout(() => void flush().catch(() => {}), flushMs)
    },
    /** Writes it now; whether Postgres took it. */
    addNow: async (key: string, make: () => Of): Promise<boolean> => {
      const { isUnfit, add } = batch
      add(key, make)
      await flush()
      return !isUnfit(key)
    },
    /** Writes what waits until it is given up; how many rows are left. */
    close: async (givenUp: Promise<void>): Promise<number> => {
      void givenUp.then(() => {
        isGivenUp = true
      })
      do await Promise.race([flush().catch(() => {}), givenUp])
      while (batch.size() > 0 && !isGivenUp)
      return batch.size()
    }
  }
}
