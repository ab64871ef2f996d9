import type { Random } from './random.ts'

/** Something that happens to a process only while it runs; what belongs to none happens to a server. */
export type Host = { isAlive: boolean; isPaused: boolean }
type Event = { host: Host | undefined; run: () => void }
type Timer = Event & { dueAt: number }

/** A process that runs is not kept from its own clock longer than this; a server and the network may take any time. */
const slackMs = 200
const stepMs = 100

/**
 * Decides what happens next: a message that arrives, a transaction that takes place, a timer that rings. Time passes only
 * when it is chosen to.
 */
export const createScheduler = (random: Random) => {
  const events: Event[] = []
  const timers: Timer[] = []
  let now = 1_000_000
  let isCalm = false

  const isAwake = ({ host }: Event) => host === undefined || (host.isAlive && !host.isPaused)
  /** Takes one that may happen out of `from`, chosen by chance. */
  const draw = <Drawn extends Event>(from: Drawn[], mayHappen: (event: Drawn) => boolean): Drawn | undefined => {
    if (from.length === 0) return undefined
    const start = random.below(from.length)
    for (let step = 0; step < from.length; step += 1) {
      const index = (start + step) % from.length
      const event = from[index]
      if (event === undefined || !mayHappen(event)) continue
      from.splice(index, 1)
      return event
    }
    return undefined
  }
  const isDue = (timer: Timer) => timer.dueAt <= now && isAwake(timer)

  /**
   * Lets time pass, at most up to the next timer, unless one that rings already would be kept waiting for too long. Says
   * whether it did.
   */
  const pass = (msMax: number): boolean => {
    let [next, longest] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (const timer of timers) {
      if (!isAwake(timer)) continue
      if (timer.dueAt > now) next = Math.min(next, timer.dueAt)
      else longest = Math.min(longest, timer.dueAt)
    }
    const until = Math.min(next, now + msMax)
    if (until === Number.POSITIVE_INFINITY || until - longest > slackMs) return false
    now = until
    return true
  }

  return {
    now: () => now,
    /** `run` happens at some time, or never if its host does not live so long. */
    soon: (host: Host | undefined, run: () => void): void => {
      events.push({ host, run })
    },
    /** `run` happens not before `ms` have passed. */
    after: (host: Host | undefined, ms: number, run: () => void): (() => void) => {
      const timer = { host, run, dueAt: now + ms }
      timers.push(timer)
      return () => {
        const index = timers.indexOf(timer)
        if (index >= 0) timers.splice(index, 1)
      }
    },
    /** Lets one thing happen; false when nothing can now. */
    step: (): boolean => {
      if (!isCalm && random.chance(0.1)) pass(random.chance(0.9) ? random.below(stepMs) : Number.POSITIVE_INFINITY)
      const first = random.chance(0.5) ? draw(events, isAwake) : draw(timers, isDue)
      const chosen = first ?? draw(timers, isDue) ?? draw(events, isAwake)
      chosen?.run()
      return chosen !== undefined
    },
    /** From now on time passes only where nothing else can happen. */
    calm: (): void => {
      isCalm = true
    },
    /** Nothing can happen before the next timer rings: it does. False when there is none. */
    skip: (): boolean => pass(Number.POSITIVE_INFINITY)
  }
}

export type Scheduler = ReturnType<typeof createScheduler>
