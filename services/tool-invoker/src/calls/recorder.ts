import { ReportedError } from '@onbehalf/errors'
import type { CallRow } from './record.ts'

export type RecorderOptions = {
  /** Writes all rows or none; one it has written before is written once. */
  insert: (rows: readonly CallRow[]) => Promise<void>
  waitingMax?: number
  batchMax?: number
  flushMs?: number
  retryMs?: number
}

export type Recorder = {
  /** A place for the record of a call that begins; throws `recording_unavailable` when too many wait to be written. */
  reserve: () => void
  /** The record of a call that had a place. */
  add: (row: CallRow) => void
  /** How many calls have a place or wait to be written. */
  waiting: () => number
  /** Hears of the first failure to write after a success. */
  onTrouble: (listener: (error: unknown, waiting: number) => void) => void
  /** Writes what waits, for at most `graceMs`; throws when rows are lost. */
  close: (graceMs?: number) => Promise<void>
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Writes call records behind the answers, in small batches; while Postgres is away they wait, up to a bound. */
export const createRecorder = ({
  insert,
  waitingMax = 10_000,
  batchMax = 500,
  flushMs = 25,
  retryMs = 250
}: RecorderOptions): Recorder => {
  let rows: CallRow[] = []
  let places = 0
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> | undefined
  let isGivenUp = false
  let isTroubled = false
  let tell: (error: unknown, waiting: number) => void = () => {}

  const writeBatch = async () => {
    const batch = rows.slice(0, batchMax)
    try {
      await insert(batch)
      rows = rows.slice(batch.length)
      places -= batch.length
      isTroubled = false
    } catch (error) {
      if (!isTroubled) tell(error, rows.length)
      isTroubled = true
      await sleep(retryMs)
    }
  }
  const drain = async () => {
    while (rows.length > 0 && !isGivenUp) await writeBatch()
  }
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    flushing ??= drain().finally(() => {
      flushing = undefined
    })
    return flushing
  }

  return {
    reserve: () => {
      if (places >= waitingMax) throw unavailable()
      places += 1
    },
    add: (row) => {
      rows.push(row)
      if (flushing !== undefined) return
      if (rows.length >= batchMax) void flush()
      else timer ??= setTimeout(flush, flushMs)
    },
    waiting: () => places,
    onTrouble: (listener) => {
      tell = listener
    },
    close: async (graceMs = 10_000) => {
      const giveUp = setTimeout(() => {
        isGivenUp = true
      }, graceMs)
      await flush()
      clearTimeout(giveUp)
      if (rows.length > 0) throw new Error(`${rows.length} call records could not be written`)
    }
  }
}

const unavailable = () =>
  new ReportedError('recording_unavailable', 'Calls cannot be recorded right now, so none are made. Try again soon.', {
    retry_after_seconds: 5
  })
