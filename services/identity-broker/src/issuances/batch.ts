/** What is written once for all that is counted in it. */
export type Row = { times: number }

export type Write<Of extends Row> = (rows: readonly Of[]) => Promise<void>
/** Hears of a row that Postgres does not take. */
export type OnUnfit<Of extends Row> = (error: unknown, row: Of) => void

type Entries<Of> = { entries: () => Iterable<[string, Of]> }

/** Rows that are written together; those with the same key are one row that counts. */
export const createBatch = <Of extends Row>() => {
  const rows = new Map<string, Of>()
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  // Not everybody waits for it.
  done.catch(() => {})

  const unfit = new Set<string>()

  /** A row that Postgres does not take is left out, and holds nobody else's back. */
  const writeSome = async (write: Write<Of>, some: readonly [string, Of][], onUnfit: OnUnfit<Of>): Promise<void> => {
    const error = await write(some.map(([, row]) => row)).catch(requireUnfit)
    if (error !== undefined && some.length > 1) {
      const half = Math.ceil(some.length / 2)
      await writeSome(write, some.slice(0, half), onUnfit)
      return writeSome(write, some.slice(half), onUnfit)
    }
    for (const [key, row] of some) {
      rows.delete(key)
      if (error === undefined) continue
      unfit.add(key)
      onUnfit(error, row)
    }
  }
  const add = (key: string, make: () => Of): void => {
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
    /** Whether its row was one that Postgres does not take. */
    isUnfit: (key: string) => unfit.has(key),
    /** Writes `chunkMax` rows at a time; what could not be written stays in the batch. */
    write: async (write: Write<Of>, chunkMax: number, onUnfit: OnUnfit<Of>): Promise<void> => {
      try {
        while (rows.size > 0) await writeSome(write, [...rows].slice(0, chunkMax), onUnfit)
        resolve()
      } catch (error) {
        reject(error)
        throw error
      }
    },
    entries: () => rows.entries(),
    /** What another batch could not write; what may go, only while there is room. */
    takeOver: (other: Entries<Of>, max: number, mayGo: (row: Of) => boolean): void => {
      for (const [key, row] of other.entries()) {
        const known = rows.get(key)
        if (known) known.times += row.times
        else if (rows.size < max || !mayGo(row)) rows.set(key, row)
      }
    }
  }
}

/** The error where it is about the rows (SQLSTATE class 22 or 23); every other is thrown. */
const requireUnfit = (error: unknown): unknown => {
  if (error instanceof Error && 'code' in error && /^2[23]\w{3}$/.test(String(error.code))) return error
  throw error
}
