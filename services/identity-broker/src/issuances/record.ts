import { ReportedError, toReported } from '@onbehalf/errors'
import { LRUCache } from 'lru-cache'
import type { MintAsk } from '../tokens/mint.ts'
import type { Minted } from '../tokens/modes/mode.ts'
import type { OnUnfit } from './batch.ts'
import { createLane, type Limits } from './lane.ts'
import { hashOnce, issuedRow, keyOf, refusedRow } from './row.ts'
import type { IssuanceStore } from './store.ts'
import type { NewIssuance, Use } from './write-store.ts'

/** For limits that are left out: 10,000 rows may wait, 5,000 are due, 2,000 are a statement, after 1 s. */
type Options = Pick<IssuanceStore, 'insert' | 'count'> & Partial<Limits> & { now?: () => number }

export type IssuanceRecorder = ReturnType<typeof createIssuanceRecorder>

const limits: Limits = { waitingMax: 10_000, dueMax: 5_000, batchMax: 2_000, flushMs: 1_000, retryMs: 250 }
const knownMax = 50_000
const hourMs = 3_600_000

/**
 * Records who was given which token to act as whom, and what was refused. A token good for several calls is handed out
 * only when there is a row of it for its asker; its further uses, tokens for one call, and refusals are counted behind
 * the answers and written a little later. Uses go a way of their own: a row that somebody waits for does not take along
 * what can still be counted.
 */
export const createIssuanceRecorder = ({ insert, count, now = Date.now, ...given }: Options) => {
  const written = new LRUCache<string, 'used' | 'unused'>({ max: knownMax })
  let tell: (error: unknown, waiting: number) => void = () => {}
  let tellUnfit: OnUnfit<NewIssuance> = () => {}
  const onTrouble = (error: unknown, waiting: number) => tell(error, waiting)
  const [rows, uses] = [
    createLane<NewIssuance>({
      ...{ ...limits, ...given, write: insert, onTrouble, mayGo: ({ outcome }) => outcome !== 'issued' },
      onUnfit: (error, row) => tellUnfit(error, row)
    }),
    createLane<Use>({
      ...limits,
      ...given,
      write: count,
      onTrouble,
      mayGo: () => false,
      onUnfit: (error) => tell(error, 0)
    })
  ]
  const takePlace = async (lane: Pick<typeof uses, 'hasRoom' | 'waitForRoom'>, key: string): Promise<void> => {
    await lane.waitForRoom(key)
    if (lane.hasRoom(key)) return
    throw new ReportedError('recording_unavailable', 'Tokens cannot be recorded right now, so none are given.', {
      retry_after_seconds: 5
    })
  }
  const issuedOnce = async (ask: MintAsk, minted: Minted): Promise<void> => {
    const row = issuedRow(ask, minted, null)
    if (!rows.hasRoom(row.id)) await takePlace(rows, row.id)
    rows.add(row.id, () => row)
  }
  return {
    issued: async (ask: MintAsk, minted: Minted): Promise<void> => {
      if (!minted.reusable) return issuedOnce(ask, minted)
      const token_hash = hashOnce(ask, minted)
      const key = keyOf(token_hash, ask.actor)
      const known = written.get(key)
      if (known === 'unused') return void written.set(key, 'used')
      if (known === 'used') {
        if (!uses.hasRoom(key)) await takePlace(uses, key)
        const { kind: actor_kind, id: actor_id } = ask.actor
        return uses.add(key, () => ({ token_hash, actor_kind, actor_id, times: 1 }))
      }
      if (!rows.hasRoom(key)) await takePlace(rows, key)
      if (!(await rows.addNow(key, () => issuedRow(ask, minted, token_hash)))) throw unfit()
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
      if (rows.isFull()) return
      rows.add(key, () => row)
    },
    /** Hears of the first failure to write after a success. */
    onTrouble: (listener: (error: unknown, waiting: number) => void) => {
      tell = listener
    },
    /** Hears of each row that cannot be written, now or later. */
    onUnfit: (listener: OnUnfit<NewIssuance>) => {
      tellUnfit = listener
    },
    /** Writes what waits, for at most `graceMs`; throws when rows are lost. */
    close: async (graceMs = 10_000) => {
      const { promise: givenUp, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, graceMs)
      const left = await Promise.all([rows.close(givenUp), uses.close(givenUp)])
      clearTimeout(timer)
      const lost = left.reduce((sum, of) => sum + of, 0)
      if (lost > 0) throw new Error(`${lost} records of tokens could not be written`)
    }
  }
}

const unfit = () =>
  new ReportedError('recording_unavailable', 'The token that came cannot be recorded, so it is not given.')
