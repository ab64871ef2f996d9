import type { KeyObject } from 'node:crypto'
import { signCheckpoint } from './checkpoint.ts'
import type { ChainStore } from './store.ts'

type Tools = { chain: Pick<ChainStore, 'months' | 'dropMonth'>; checkpointKey: KeyObject }

/** Drops the months that are too old, each with a statement of what was in it; answers with the statements. */
export const dropMonths = async ({ chain, checkpointKey }: Tools, monthsKept: number, now: Date): Promise<string[]> => {
  if (monthsKept === 0) return []
  const oldest = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsKept)).toISOString().slice(0, 7)
  const statements: string[] = []
  for (const month of await chain.months()) {
    if (month >= oldest.replace('-', '_')) break
    const at = now.toISOString()
    const statement = await chain.dropMonth(month, (stretches) =>
      signCheckpoint(checkpointKey, { kind: 'dropped', at, stretches })
    )
    if (statement) statements.push(statement)
  }
  return statements
}
