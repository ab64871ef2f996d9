import type { Caller } from './checks.ts'
import { disrupt } from './disruptions.ts'
import { createRandom } from './random.ts'
import { createWorld, type Tell, type World, wants } from './world.ts'

/** What did not hold, in the run of which seed. */
export class Violation extends Error {
  readonly seed: number
  constructor(seed: number, what: string) {
    super(`seed ${seed}: ${what}`)
    this.name = 'Violation'
    this.seed = seed
  }
}

const stepsMax = 3_000
const quiet = 40
/** More than every lease, and than every time the server wants to be left alone for. */
const [triesMax, patienceMs, backoffMs] = [4, 10_000, 5_000]

/** Lets things happen until nothing can any more; between them the processes go on by some steps, or none. */
const play = async (world: World, onStep: () => void, isOver: () => boolean): Promise<void> => {
  const { random, scheduler } = world
  for (let steps = 0; steps < stepsMax && !isOver(); steps += 1) {
    for (let ticks = random.below(4); ticks > 0; ticks -= 1) await undefined
    onStep()
    if (scheduler.step()) continue
    for (let ticks = 0; ticks < quiet; ticks += 1) await undefined
    if (!scheduler.step() && !scheduler.skip()) return
  }
}

const begin = (world: World): void => {
  const { random, users, start, call } = world
  const replicas = Array.from({ length: random.between(2, 3) }, start)
  for (let count = random.between(2, 5); count > 0; count -= 1) {
    const [first = start(), ...others] = replicas
    const want = random.chance(0.8) ? wants[0] : wants[1]
    call(random.pick([first, ...others]), random.pick(users), want, random.between(1, 8) * 500)
  }
}

/** Everything works again: nobody waits in vain, and whose grant nobody ended gets a token. */
const conclude = async (world: World, fail: (what: string) => void, isOver: () => boolean): Promise<void> => {
  const { scheduler, model, checks, callers, users, replicas, start, call, network } = world
  Object.assign(network.state, { isDatabaseAway: false, isBusAway: false, faultRate: 0 })
  scheduler.calm()
  for (const replica of replicas) Object.assign(replica, { isPaused: false, isCutOff: false })
  await play(world, () => {}, isOver)
  const last = start()
  for (const user of users) {
    let got: Caller['got']
    for (let tries = 0; tries < triesMax && got !== 'token' && model.rowOf(user).dead === null; tries += 1) {
      const caller = call(last, user, wants[0], patienceMs)
      scheduler.after(undefined, backoffMs, () => {})
      await play(world, () => {}, isOver)
      got = caller.got
    }
    if (model.rowOf(user).dead !== null) checks.onDead(user)
    else if (got !== 'token') fail(`${user} gets no token although everything works`)
  }
  if (callers.some(({ got, process }) => got === undefined && process.isAlive)) fail('a caller was left waiting')
}

/** One run, wholly decided by its seed; the same one tells the same. Throws a Violation. */
export const simulate = async (seed: number, tell?: Tell): Promise<void> => {
  const random = createRandom(seed)
  const found: string[] = []
  const fail = (what: string) => {
    found.push(what)
  }
  const isOver = () => found.length > 0
  const world = createWorld(random, fail, tell)
  begin(world)
  await play(world, disrupt(world, tell), isOver)
  if (!isOver()) await conclude(world, fail, isOver)
  if (found[0]) throw new Violation(seed, found[0])
}

/**
 * Many runs, of the seeds from `from` on; the time they took in milliseconds of this process' processor. Throws the first
 * Violation.
 */
export const explore = async ({ from = 1, runs }: { from?: number; runs: number }): Promise<{ cpuMs: number }> => {
  const { stackTraceLimit } = Error
  // Most runs end in errors that nobody reads.
  Error.stackTraceLimit = 0
  const begun = process.cpuUsage()
  try {
    for (let seed = from; seed < from + runs; seed += 1) await simulate(seed)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  const { user, system } = process.cpuUsage(begun)
  return { cpuMs: (user + system) / 1000 }
}
