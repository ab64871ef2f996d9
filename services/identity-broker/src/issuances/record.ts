import { ReportedError, toReported } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import type { MintAsk } from '../tokens/mint.ts'
import type { Minted } from '../tokens/modes/mode.ts'
import { type Batch, createBatch, type Insert, type OnUnfit } from './batch.ts'
import { createRows, refusedRow } from './row.ts'

type Options = {
  insert: Insert
  /** How many rows may wait to be written (10,000); who comes then waits, or is refused while writing fails. */
  waitingMax?: number
  /** How many rows are written before their time comes (5,000). */
  dueMax?: number
  /** How many rows are one statement (2,000). */
  batchMax?: number
  /** How long uses and refusals are counted before they are written (1 s). */
  flushMs?: number
  retryMs?: number
  now?: () => number
}

export type IssuanceRecorder = ReturnType<typeof createIssuanceRecorder>

const knownMax = 50_000
const hourMs = 3_600_000
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * Records who was given which token to act as whom, and what was refused. A token good for several calls is handed out
 * only when there is a row of it for its asker; its further uses, tokens for one call, and refusals are counted behind
 * the answers and written a little later.
 */
export const createIssuanceRecorder = ({
  insert,
  waitingMax = 10_000,
  dueMax = 5_000,
  batchMax = 2_000,
  flushMs = 1_000,
  retryMs = 250,
  now = Date.now
}: Options) => {
  const written = new LRUCache<string, 'used' | 'unused'>({ max: knownMax })
  const rowFor = createRows()
  let batch = createBatch()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let isGivenUp = false
  let isTroubled = false
  let tell: (error: unknown, waiting: number) => void = () => {}
  let tellUnfit: OnUnfit = () => {}

  const writeBatch = async () => {
    const taken = batch
    batch = createBatch()
    try {
      await taken.write(insert, batchMax, (error, row) => tellUnfit(error, row))
      isTroubled = false
    } catch (error) {
      batch.takeOver(taken, waitingMax)
      if (!isTroubled) tell(error, batch.size())
      isTroubled = true
      await sleep(retryMs)
    }
  }
  const run = async () => {
    while (batch.size() > 0 && !isGivenUp) await writeBatch()
  }
  /** Resolves when what is counted until now is written; rejects when that failed once, though it is tried again. */
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    if (batch.size() === 0) return running ?? Promise.resolve()
    const { done } = batch
    running ??= run().finally(() => {
      running = undefined
      // Somebody may have come after the last look.
      if (batch.size() > 0 && !isGivenUp) void flush().catch(() => {})
    })
    return done
  }
  /** Before there is no more room: so many tokens a second may not wait for the time to come. */
  const flushSoon = () => {
    if (batch.size() >= dueMax) return void flush().catch(() => {})
    timer ??= setTimeout(() => void flush().catch(() => {}), flushMs)
  }
  const hasRoom = (key: string) => batch.size() < waitingMax || batch.has(key)
  const add: Batch['add'] = (key, row) => {
    if (hasRoom(key)) return batch.add(key, row)
    throw new ReportedError('recording_unavailable', 'Tokens cannot be recorded right now, so none are given.', {
      retry_after_seconds: 5
    })
  }
  return {
    issued: async (ask: MintAsk, minted: Minted): Promise<void> => {
      const { key, make } = rowFor(ask, minted)
      const known = written.get(key)
      if (known === 'unused') return void written.set(key, 'used')
      // Who asks faster than rows can be written waits for them; nobody does while writing fails.
      while (!hasRoom(key) && !isTroubled) await flush().catch(() => {})
      add(key, make)
      if (!minted.reusable || known) return flushSoon()
      const { isUnfit } = batch
      await flush()
      if (isUnfit(key)) throw unfit()
      written.set(key, 'used')
    },
    /** A row was written with the token, for whoever asked for it, and counts its first use. */
    recorded: (key: string): void => {
      written.set(key, 'unused')
    },
    refused: (ask: MintAsk, error: unknown): void => {
      const { code } = toReported(error)
      const hour = Math.floor(now() / hourMs)
      const row = refusedRow(ask, code)
      const { user_id, actor_kind, actor_id, audience, mode } = row
      const key = JSON.stringify([user_id, actor_kind, actor_id, audience, mode, code, hour])
      // Who is refused must not be able to fill what waits.
      if (batch.size() >= waitingMax) return
      batch.add(key, () => row)
      flushSoon()
    },
    /** Hears of the first failure to write after a success. */
    onTrouble: (listener: (error: unknown, waiting: number) => void) => {
      tell = listener
    },
    /** Hears of each row that cannot be written, now or later. */
    onUnfit: (listener: OnUnfit) => {
      tellUnfit = listener
    },
    /** Writes what waits, for at most `graceMs`; throws when rows are lost. */
    close: async (graceMs = 10_000) => {
      const { promise: givenUp, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(() => {
        isGivenUp = true
        resolve()
      }, graceMs)
      do await Promise.race([flush().catch(() => {}), givenUp])
      while (batch.size() > 0 && !isGivenUp)
      clearTimeout(timer)
      if (batch.size() > 0) throw new Error(`${batch.size()} records of tokens could not be written`)
    }
  }
}

const unfit = () =>
  new ReportedError('recording_unavailable', 'The token that came cannot be recorded, so it is not given.')
