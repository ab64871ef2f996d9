import type { KeyObject } from 'node:crypto'
import { signCheckpoint } from './checkpoint.ts'
import type { ChainStore } from './store.ts'

type Tools = {
  chain: Pick<ChainStore, 'months' | 'dropMonth'>
  checkpointKey: KeyObject
  /** Hears each statement before what it is about is gone. */
  tell: (statement: string) => void
}

/** Drops the months that are too old, each with a statement of what was in it. */
export const dropMonths = async (
  { chain, checkpointKey, tell }: Tools,
  monthsKept: number,
  now: Date
): Promise<void> => {
  if (monthsKept === 0) return
  const oldest = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsKept)).toISOString().slice(0, 7)
  for (const month of await chain.months()) {
    if (month >= oldest.replace('-', '_')) break
    const at = now.toISOString()
    await chain.dropMonth(month, (stretches) => {
      const statement = signCheckpoint(checkpointKey, { kind: 'dropped', at, stretches })
      tell(statement)
      return statement
    })
  }
}
