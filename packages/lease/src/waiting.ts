import { setTimeout as sleep } from 'node:timers/promises'

/** An answer that is in nobody's hands but ours is not given up because the database is away for a moment. */
export const persist = async <Result>(store: () => Promise<Result>, until: number): Promise<Result> => {
  for (;;) {
    try {
      return await store()
    } catch (error) {
      if (Date.now() >= until) throw error
      await sleep(250)
    }
  }
}

/** `work`, or undefined when the time is up; the work goes on. */
export const before = async <Value>(deadlineAt: number, work: Promise<Value>): Promise<Value | undefined> => {
  const ms = Math.max(0, deadlineAt - Date.now())
  const stop = new AbortController()
  const late = sleep(ms, undefined, { signal: stop.signal }).catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    stop.abort()
    // A refresh nobody waits for any more still reports to its own owner, not to the process.
    work.catch(() => {})
  }
}
