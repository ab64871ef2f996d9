import type { CallStore } from './store.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Makes the partitions that are missing now, and looks again every day. */
export const keepPartitions = async ({ ensurePartitions }: Pick<CallStore, 'ensurePartitions'>) => {
  let tell: (error: unknown) => void = () => {}
  await ensurePartitions(new Date())
  // Until it succeeds again rows go to the default partition and are moved later.
  const timer = setInterval(() => ensurePartitions(new Date()).catch((error: unknown) => tell(error)), dayMs)
  return {
    onTrouble: (listener: (error: unknown) => void) => {
      tell = listener
    },
    close: () => clearInterval(timer)
  }
}
