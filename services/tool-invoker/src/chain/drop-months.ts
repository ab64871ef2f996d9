import type { KeyObject } from 'node:crypto'
import { readCheckpoint, signCheckpoint } from './checkpoint.ts'
import { hmacWith } from './hmac.ts'
import type { ChainKeys } from './keys.ts'
import { readMonth, type Stranger } from './read-month.ts'
import type { ChainStore } from './store.ts'
import { stretchesByWriter } from './walk.ts'

export type Listeners = {
  /** Hears each statement before what it is about is gone. */
  tell: (statement: string) => void
  /** Hears of each month that stays, since a record in it is not ours: nothing is signed that was not read. */
  refuse: (month: string, stranger: Stranger) => void
}

type Tools = ChainKeys & Listeners & { chain: Pick<ChainStore, 'months' | 'dropMonth' | 'now'> }
type Given = { monthsKept: number; now: Date; signal: AbortSignal }

/**
 * Drops the months that are too old, each with a statement of what was in it. A clock that is ahead drops nothing: the
 * earlier of ours and that of Postgres counts.
 */
export const dropMonths = async (
  { chain, recordKey, checkpointKey, tell, refuse }: Tools,
  { monthsKept, now, signal }: Given
): Promise<void> => {
  if (monthsKept === 0) return
  const hmac = hmacWith(recordKey)
  const today = new Date(Math.min(now.getTime(), (await chain.now()).getTime()))
  const oldest = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - monthsKept)).toISOString().slice(0, 7)
  for (const month of await chain.months()) {
    if (month >= oldest.replace('-', '_')) break
    await chain.dropMonth(month, async ({ pages, statements }) => {
      const dropped = droppedIn(statements, checkpointKey)
      const read = await readMonth({ hmac, month, dropped, pages, signal })
      if ('stranger' in read) {
        refuse(month, read.stranger)
        return
      }
      const statement = signCheckpoint(checkpointKey, { kind: 'dropped', at: today.toISOString(), ...read })
      tell(statement)
      return statement
    })
  }
}

const droppedIn = (statements: readonly string[], key: KeyObject) =>
  stretchesByWriter(
    statements.flatMap((statement) => readCheckpoint(key, statement) ?? []),
    'dropped'
  )
