import { setTimeout as sleep } from 'node:timers/promises'

// Shorter than the 20 s after which a held answer is asked for again: what the feed has to bring does not come by age.
const usualSeconds = 18

/**
 * Asks until `isFine` says so, and answers with the last it heard, which after `secondsMax` seconds, 18 unless it says
 * otherwise, is what the test shows.
 */
export const eventually = async <Value>(
  ask: () => Value | Promise<Value>,
  isFine: (value: Value) => boolean,
  secondsMax = usualSeconds
): Promise<Value> => {
  const deadline = performance.now() + secondsMax * 1000
  for (;;) {
    const value = await ask()
    if (isFine(value) || performance.now() > deadline) return value
    await sleep(5)
  }
}

/** Waits for what has to happen; throws when it has not after `secondsMax` seconds, 18 unless it says otherwise. */
export const until = async (isSo: () => boolean | Promise<boolean>, secondsMax = usualSeconds): Promise<void> => {
  if (!(await eventually(isSo, (answer) => answer, secondsMax))) throw new Error(`it did not come about: ${isSo}`)
}
