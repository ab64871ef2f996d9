import { type Job, repeat } from '@onbehalf/service-kit'
import type { CallStore } from './store.ts'

const everyMs = 24 * 60 * 60 * 1000

type Needs = Pick<CallStore, 'ensurePartitions'> & {
  /** Drops what is kept long enough. */
  dropOld: (now: Date) => Promise<void>
  report: (error: unknown) => void
  now: () => Date
}

/** Makes the partitions that are missing and drops those that are too old, now and every day. */
export const keepPartitions = ({ ensurePartitions, dropOld, report, now }: Needs): Job =>
  repeat({
    everyMs,
    step: async () => {
      const today = now()
      // Where it fails, rows go to the default partition and are moved later.
      await ensurePartitions(today)
      await dropOld(today)
      return false
    },
    report
  })
