import { type Clock, sleep } from './clock.ts'
import { dead, unavailable } from './failure.ts'
import { inTime } from './persist.ts'
import type { Look, Progress } from './store.ts'

type TurnOptions = {
  owner: string
  /** Whether another process still waits for the answer of what it presented. */
  isOwnerWaiting: (owner: string, id: string) => Promise<boolean>
  clock: Clock
  pollMs: number
  tryMs: number
}

/** `progress` as it was seen, and how it is seen again. */
type Seen = { progress: Turn | undefined; again: () => Promise<Turn | undefined> }
type Turn = Progress & Pick<Look<never>, 'isRecalled'>

/**
 * Resolves when this process may take the lease of `id`, or with undefined when another one stored something meanwhile.
 * Fails for a row that is dead or backs off.
 */
export const createTurns =
  ({ owner, isOwnerWaiting, clock, pollMs, tryMs }: TurnOptions) =>
  async (id: string, seen: Seen): Promise<Turn | undefined> => {
    let { progress } = seen
    const generation = progress?.generation
    for (;;) {
      if (!progress || progress.isDead) throw dead()
      if (progress.generation !== generation) return undefined
      if (progress.backoffMs > 0) throw unavailable(progress.backoffMs)
      const { attempt, owner: last, leaseMs } = progress
      const isOthers = attempt > 0 && last !== null && last !== owner
      if (leaseMs === 0 && !(isOthers && (await isOwnerWaiting(last, id)))) return progress
      await sleep(clock, leaseMs > 0 ? Math.min(leaseMs, pollMs) : pollMs)
      progress = await inTime(clock, tryMs, seen.again())
    }
  }
