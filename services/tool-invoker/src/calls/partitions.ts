import type { CallStore } from './store.ts'

const dayMs = 24 * 60 * 60 * 1000

type Tools = Pick<CallStore, 'ensurePartitions'> & {
  /** Drops what is kept long enough; answers with the statements of what that was. */
  dropOld: (now: Date) => Promise<string[]>
}

/** Makes the partitions that are missing now, and looks again every day, also for those that are too old. */
export const keepPartitions = async ({ ensurePartitions, dropOld }: Tools) => {
  let tell: (error: unknown) => void = () => {}
  let tellDropped: (statement: string) => void = () => {}
  await ensurePartitions(new Date())
  const tend = async (): Promise<void> => {
    const now = new Date()
    await ensurePartitions(now)
    for (const statement of await dropOld(now)) tellDropped(statement)
  }
  // Until it succeeds again rows go to the default partition and are moved later.
  const timer = setInterval(() => tend().catch((error: unknown) => tell(error)), dayMs)
  return {
    tend,
    onTrouble: (listener: (error: unknown) => void) => {
      tell = listener
    },
    onDropped: (listener: (statement: string) => void) => {
      tellDropped = listener
    },
    close: () => clearInterval(timer)
  }
}
