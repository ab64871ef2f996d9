import { type Job, repeat } from '@onbehalf/service-kit'
import type { IdempotencyStore } from './store.ts'

type Needs = Pick<IdempotencyStore, 'deleteExpired'> & { report: (error: unknown) => void }

const everyMs = 60 * 60 * 1000

/** Deletes what is older than 24 hours, now and every hour: it counts no more, whether it is there or not. */
export const keepExpiry = ({ deleteExpired, report }: Needs): Job =>
  repeat({ everyMs, step: async () => (await deleteExpired()) > 0, report })
