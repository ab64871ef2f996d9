import { type Job, repeat } from '@onbehalf/service-kit'
import type { CallStore } from './store.ts'

const everyMs = 24 * 60 * 60 * 1000

type Needs = Pick<CallStore, 'ensurePartitions' | 'partitionDefault'> & {
  /** Drops what is kept long enough; it may take long, and is told when there is no more time. */
  dropOld: (now: Date, signal: AbortSignal) => Promise<void>
  report: (error: unknown) => void
  now: () => Date
}

/** Makes the partitions that are missing and drops those that are too old, now and every day. */
export const keepPartitions = ({ ensurePartitions, partitionDefault, dropOld, report, now }: Needs): Job => {
  const leaving = new AbortController()
  const keeping = repeat({
    everyMs,
    step: async () => {
      const today = now()
      // Where it fails, rows go to the default partition and are moved later.
      await ensurePartitions(today)
      await partitionDefault()
      await dropOld(today, leaving.signal)
      return false
    },
    report
  })
  return {
    close: async () => {
      leaving.abort()
      await keeping.close()
    }
  }
}
