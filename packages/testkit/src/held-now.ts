import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The bytes that this process holds right now. */
export const heldNow = async (): Promise<number> => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  for (let least = Number.POSITIVE_INFINITY; ; ) {
    // What is let go of is counted until another collection, and by other threads some time after it.
    collectGarbage()
    await setImmediate()
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    const taken = heapUsed + external
    if (taken >= least) return least
    least = taken
  }
}
