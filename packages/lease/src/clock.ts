/** The time in milliseconds, and a way to wait for it to pass. */
export type Clock = {
  now: () => number
  /** `passed` resolves after `ms`, unless it is stopped before. */
  timer: (ms: number) => { passed: Promise<void>; stop: () => void }
}

export const systemClock: Clock = {
  now: Date.now,
  timer: (ms) => {
    const { promise: passed, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    return { passed, stop: () => clearTimeout(timer) }
  }
}

export const sleep = (clock: Clock, ms: number): Promise<void> => clock.timer(ms).passed

/** `work`, or undefined when the time is up; the work goes on. */
export const before = async <Value>(
  clock: Clock,
  deadlineAt: number,
  work: Promise<Value>
): Promise<Value | undefined> => {
  const { passed, stop } = clock.timer(Math.max(0, deadlineAt - clock.now()))
  try {
    return await Promise.race([work, passed.then(() => undefined)])
  } finally {
    stop()
    // What nobody waits for any more still reports to its own owner, not to the process.
    work.catch(() => {})
  }
}
