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

type Settle<Value> = { resolve: (value: Value) => void; reject: (error: Error) => void }

/**
 * What comes of `work`, or what `onLate` makes of it when the time is up first. The work goes on: what nobody waits for any
 * more still reports to its own owner, not to the process.
 */
export const within = <Value, Late>(
  clock: Clock,
  ms: number,
  work: Promise<Value>,
  onLate: (settle: Settle<Late>) => void
): Promise<Value | Late> => {
  const { promise, resolve, reject } = Promise.withResolvers<Value | Late>()
  const { passed, stop } = clock.timer(ms)
  void passed.then(() => onLate({ resolve, reject }))
  work.then(
    (value) => {
      stop()
      resolve(value)
    },
    (error: unknown) => {
      stop()
      reject(error)
    }
  )
  return promise
}

/** `work`, or undefined when the time is up. */
export const before = <Value>(clock: Clock, deadlineAt: number, work: Promise<Value>): Promise<Value | undefined> =>
  within(clock, Math.max(0, deadlineAt - clock.now()), work, ({ resolve }) => resolve(undefined))
