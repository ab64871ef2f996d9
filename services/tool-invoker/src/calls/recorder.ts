import { ReportedError } from '@onbehalf/errors'
import type { Linked } from '../chain/link.ts'
import { type CallRow, intentOf } from './record.ts'

export type RecorderOptions = {
  /** Writes all rows or none; one it has written before is written once. */
  insert: (rows: readonly Linked[]) => Promise<void>
  /** Gives a row its place in the chain of its tenant. */
  link: (row: CallRow) => Linked
  /** Whether a call is on record before it is made. */
  isStrict?: boolean
  waitingMax?: number
  batchMax?: number
  /** How long a record waits for others at most, and at least, whatever an insert takes. */
  flushMsMax?: number
  flushMsMin?: number
  /** Milliseconds since some moment, which never go back. */
  now?: () => number
  retryMs?: number
  /** How long a call waits for its intent to be on record. */
  intentMs?: number
  /** Does the work after so many ms; what it returns prevents that. */
  wait?: (ms: number, work: () => void) => () => void
}

export type Recorder = {
  /** A place for the record of a call that begins; throws `recording_unavailable` when too many wait to be written. */
  reserve: () => void
  /** Where that is wanted, resolves when it is on record that the call is about to be made; throws like `reserve`. */
  intend: (row: CallRow) => Promise<void> | undefined
  /** The record of a call that had a place. */
  add: (row: CallRow) => void
  /**
   * The same for those who only listen: they hold no place meanwhile, and since they are few, their records wait beyond
   * the bound if need be.
   */
  listening: Pick<Recorder, 'reserve' | 'intend' | 'add'>
  /** How many calls have a place or wait to be written. */
  waiting: () => number
  /** Hears of the first failure to write after a success. */
  onTrouble: (listener: (error: unknown, waiting: number) => void) => void
  /** Hears of what has been written. */
  onWritten: (listener: (rows: readonly Linked[]) => void) => void
  /** Writes what waits, for at most `graceMs`; throws when rows are lost. */
  close: (graceMs?: number) => Promise<void>
}

type Waiting = { row: CallRow; linked?: Linked; onWritten: (() => void) | undefined }

/** For how long a record may be lost by a kill, in normal times. */
const riskMs = 50

const onTimer: NonNullable<RecorderOptions['wait']> = (ms, work) => {
  const timer = setTimeout(work, ms)
  return () => clearTimeout(timer)
}

/** Writes call records behind the answers, in small batches; while Postgres is away they wait, up to a bound. */
export const createRecorder = ({
  insert,
  link,
  isStrict = false,
  waitingMax = 10_000,
  batchMax = 500,
  flushMsMax = 35,
  flushMsMin = 20,
  now = () => performance.now(),
  retryMs = 250,
  intentMs = 2_000,
  wait = onTimer
}: RecorderOptions): Recorder => {
  let queue: Waiting[] = []
  let places = 0
  let stopWaiting: (() => void) | undefined
  let flushing: Promise<void> | undefined
  let isGivenUp = false
  let isTroubled = false
  let isUrgent = false
  let isDue = false
  let insertMs = riskMs / 2
  let tell: (error: unknown, waiting: number) => void = () => {}
  let tellWritten: (rows: readonly Linked[]) => void = () => {}

  const writeBatch = async () => {
    const batch = queue.slice(0, batchMax)
    stopWaiting?.()
    stopWaiting = undefined
    // What it leaves has waited as long; only what comes from now on waits anew.
    isDue = queue.length > batch.length
    // Many at once: one between two other pieces of work takes twice as long. What is tried again stays in its place.
    const rows = batch.map((waiting) => {
      waiting.linked ??= link(waiting.row)
      return waiting.linked
    })
    const startedAt = now()
    try {
      await insert(rows)
      // The slowest of late.
      insertMs = Math.max(now() - startedAt, insertMs * 0.9)
      queue = queue.slice(batch.length)
      places -= batch.length
      isTroubled = false
      for (const { onWritten } of batch) onWritten?.()
      tellWritten(rows)
    } catch (error) {
      if (!isTroubled) tell(error, queue.length)
      isTroubled = true
      await new Promise<void>((resolve) => wait(retryMs, resolve))
    }
  }
  // Each statement costs as much as twenty rows: what came meanwhile waits for others, unless somebody waits for it or its
  // time is over. One after the other: of two at once the later could be there alone after a kill, behind a gap.
  const drain = async () => {
    do {
      await writeBatch()
    } while (queue.length > 0 && !isGivenUp && (isDue || isUrgent || isTroubled || queue.length >= batchMax))
  }
  const flush = (): Promise<void> => {
    isDue = true
    flushing ??= drain().finally(() => {
      flushing = undefined
      flushLater()
    })
    return flushing
  }
  // With the insert that follows no record is at risk for longer, unless that takes more than 30 ms.
  const flushMs = () => Math.max(flushMsMin, Math.min(flushMsMax, riskMs - insertMs))
  const flushLater = () => {
    if (queue.length === 0) isUrgent = false
    if (queue.length === 0 || isGivenUp) return
    if (flushing === undefined && (isUrgent || queue.length >= batchMax)) void flush()
    else stopWaiting ??= wait(flushMs(), flush)
  }
  const enqueue = (row: CallRow, onWritten?: () => void) => queue.push({ row, onWritten })
  const requirePlace = () => {
    if (places >= waitingMax) throw unavailable()
  }
  const reserve = () => {
    requirePlace()
    places += 1
  }
  const intend = (row: CallRow) => (isStrict ? intendStrictly(row) : undefined)
  const intendStrictly = async (row: CallRow): Promise<void> => {
    reserve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    enqueue(intentOf(row), resolve)
    const giveUp = setTimeout(() => reject(unavailable()), intentMs)
    isUrgent = true
    void flush()
    await promise.finally(() => clearTimeout(giveUp))
  }
  const add = (row: CallRow) => {
    enqueue(row)
    flushLater()
  }
  const addLate = (row: CallRow) => {
    places += 1
    add(row)
  }

  return {
    reserve,
    intend,
    add,
    listening: { reserve: requirePlace, intend, add: addLate },
    waiting: () => places,
    onTrouble: (listener) => {
      tell = listener
    },
    onWritten: (listener) => {
      tellWritten = listener
    },
    close: async (graceMs = 10_000) => {
      const giveUp = setTimeout(() => {
        isGivenUp = true
      }, graceMs)
      while (queue.length > 0 && !isGivenUp) {
        isUrgent = true
        await flush()
      }
      clearTimeout(giveUp)
      // What comes later cannot be written any more, and is not tried for ever.
      isGivenUp = true
      stopWaiting?.()
      if (queue.length > 0) throw new Error(`${queue.length} call records could not be written`)
    }
  }
}

const unavailable = () =>
  new ReportedError('recording_unavailable', 'Calls cannot be recorded right now, so none are made. Try again soon.', {
    retry_after_seconds: 5
  })
