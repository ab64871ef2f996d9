import type { IdempotencyStore } from './store.ts'

const hourMs = 60 * 60 * 1000

/** Deletes what is older than 24 hours, every hour. */
export const keepExpiry = ({ deleteExpired }: Pick<IdempotencyStore, 'deleteExpired'>) => {
  const run = async (): Promise<void> => {
    while ((await deleteExpired()) > 0) {}
  }
  // What fails now is tried in an hour: a key that is too old counts no more, whether it is there or not.
  const timer = setInterval(() => run().catch(() => undefined), hourMs)
  return { run, close: () => clearInterval(timer) }
}
