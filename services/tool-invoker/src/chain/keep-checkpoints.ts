import type { KeyObject } from 'node:crypto'
import { newId, repeat } from '@onbehalf/service-kit'
import { type Stretch, signCheckpoint } from './checkpoint.ts'
import type { Linked } from './link.ts'
import type { ChainStore } from './store.ts'

type Options = {
  chain: Pick<ChainStore, 'addCheckpoint'>
  key: KeyObject
  now?: () => Date
  everyMs?: number
}

const minuteMs = 60_000
const stretchesMax = 1_000

/** States every minute what has been written since, in the database and to whoever listens. */
export const keepCheckpoints = ({ chain, key, now = () => new Date(), everyMs = minuteMs }: Options) => {
  const written = new Map<string, Stretch>()
  let tell: (statement: string) => void = () => {}
  let tellTrouble: (error: unknown) => void = () => {}

  const state = async (stretches: readonly Stretch[]): Promise<void> => {
    const statement = signCheckpoint(key, { kind: 'written', at: now().toISOString(), stretches: [...stretches] })
    await chain.addCheckpoint(newId(), statement)
    tell(statement)
    // What came meanwhile is for the next one.
    for (const { writer, last } of stretches) {
      const since = written.get(writer)
      if (since && since.last > last) written.set(writer, { ...since, first: last + 1 })
      else written.delete(writer)
    }
  }
  const stateAll = async (): Promise<void> => {
    const stretches = [...written.values()]
    for (let start = 0; start < stretches.length; start += stretchesMax)
      await state(stretches.slice(start, start + stretchesMax))
  }
  const stating = repeat({
    everyMs,
    step: async () => {
      await stateAll()
      return false
    },
    report: (error) => tellTrouble(error)
  })

  return {
    note: (rows: readonly Linked[]) => {
      for (const { tenant_id, writer, sequence, mac } of rows) {
        const first = written.get(writer)?.first ?? sequence
        written.set(writer, { tenant_id, writer, first, last: sequence, mac })
      }
    },
    onStatement: (listener: (statement: string) => void) => {
      tell = listener
    },
    onTrouble: (listener: (error: unknown) => void) => {
      tellTrouble = listener
    },
    close: async () => {
      await stating.close()
      await stateAll()
    }
  }
}
