import type { NewIssuance } from './store.ts'

export type Batch = ReturnType<typeof createBatch>

/** Rows that are written together; those with the same key are one row that counts. */
export const createBatch = () => {
  const rows = new Map<string, NewIssuance>()
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  // Not everybody waits for it.
  done.catch(() => {})

  const add = (key: string, make: () => NewIssuance): void => {
    const known = rows.get(key)
    if (known) known.times += 1
    else rows.set(key, make())
  }
  return {
    /** Settles when the batch was written, or was not. */
    done,
    size: () => rows.size,
    has: (key: string) => rows.has(key),
    add,
    /** Writes `chunkMax` rows at a time; what could not be written stays in the batch. */
    write: async (insert: (some: readonly NewIssuance[]) => Promise<void>, chunkMax: number): Promise<void> => {
      try {
        while (rows.size > 0) {
          const some = [...rows].slice(0, chunkMax)
          await insert(some.map(([, row]) => row))
          for (const [key] of some) rows.delete(key)
        }
        resolve()
      } catch (error) {
        reject(error)
        throw error
      }
    },
    entries: () => rows.entries(),
    /** What another batch could not write; refusals only while there is room. */
    takeOver: (other: { entries: () => Iterable<[string, NewIssuance]> }, max: number): void => {
      for (const [key, row] of other.entries()) {
        const known = rows.get(key)
        if (known) known.times += row.times
        else if (rows.size < max || row.outcome === 'issued') rows.set(key, row)
      }
    }
  }
}
