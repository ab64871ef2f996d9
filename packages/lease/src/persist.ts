import { type Clock, sleep, within } from './clock.ts'
import { unavailable } from './failure.ts'

export type Patience = {
  /** How long one try may take. */
  tryMs: number
  /** How long what only we know is tried to be stored. */
  storeMs: number
}

const againMs = 250

/** `work`, or a failure when it hangs: a connection may have died without a word. */
export const inTime = <Value>(clock: Clock, ms: number, work: Promise<Value>): Promise<Value> =>
  within(clock, ms, work, ({ reject }) => reject(unavailable(1000, new Error('the store did not answer in time'))))

/** What is in nobody's hands but ours is not given up because the database is away for a while. */
export const persist = async <Result>(
  clock: Clock,
  { tryMs, storeMs }: Patience,
  store: () => Promise<Result>
): Promise<Result> => {
  const until = clock.now() + storeMs
  for (;;) {
    try {
      return await inTime(clock, tryMs, store())
    } catch (error) {
      if (clock.now() >= until) throw error
      await sleep(clock, againMs)
    }
  }
}
