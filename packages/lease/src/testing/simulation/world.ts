import type { Clock } from '../../clock.ts'
import { afterStoring, createRefresher, type Refresher } from '../../refresher.ts'
import type { Lease, Look, RefreshStore } from '../../store.ts'
import { createModel, storeOf } from '../model-store.ts'
import { type Caller, createChecks, type Process } from './checks.ts'
import { createNetwork } from './network.ts'
import type { Random } from './random.ts'
import { createScheduler } from './scheduler.ts'
import { createServer, type SimToken } from './server.ts'

export type Replica = Process & {
  refresher: Refresher<string, SimToken>
  look: RefreshStore<string, string, SimToken>['look']
  /** The last token that it stored for a user's want. */
  stored: Map<string, { generation: number; token: SimToken }>
  /** Once, with the next lease, before the process hears of it. */
  onLease?: ((user: string) => void) | undefined
}

export const exchangeMs = 1_000
export const wants = ['a', 'b'] as const

/** Hears what happens, for whoever looks into a run; nobody does while many are made. */
export type Tell = ((what: string) => void) | undefined

/** One run: its users' rows, the server that gave them, the processes that share both, and who asks them. */
export const createWorld = (random: Random, fail: (what: string) => void, tell: Tell) => {
  const scheduler = createScheduler(random)
  const { now } = scheduler
  const server = createServer({ isRotating: random.chance(0.8), isWatchful: random.chance(0.7) })
  const model = createModel<string, string, SimToken>({ now, isUsable: ({ isSpent }) => !isSpent })
  const checks = createChecks({ model, server, fail })
  const network = createNetwork({ random, scheduler, server, checks, tell })
  const replicas: Replica[] = []
  const callers: Caller[] = []
  const users = random.chance(0.7) ? (['u'] as const) : (['u', 'v'] as const)

  const clockOf = (process: Process): Clock => ({
    now,
    timer: (ms) => {
      const { promise: passed, resolve } = Promise.withResolvers<void>()
      return { passed, stop: scheduler.after(process, ms, resolve) }
    }
  })

  const pause = (process: Process, ms: number): void => {
    Object.assign(process, { isPaused: true, wasPaused: true })
    checks.onPause()
    scheduler.after(undefined, ms, () => {
      process.isPaused = false
    })
  }

  /** The rows as a process sees them, and the checks with it. */
  const storeFor = (process: Process): RefreshStore<string, string, SimToken> =>
    storeOf(
      {
        ...model,
        take: (claim, leaseMs, want) => {
          const before = { ...model.rowOf(claim.id) }
          const lease = model.take(claim, leaseMs, want)
          if (lease) checks.onTake(before, now())
          if (lease) onTaken(process, lease)
          tell?.(`${now()} ${process.name} ${lease ? 'takes' : 'may not take'} ${JSON.stringify(claim)}`)
          return lease
        },
        finish: (lease, want, answer) => {
          const stored = model.finish(lease, want, answer)
          network.onFinished(lease, answer, stored)
          if (stored === 'kept') onKept(process, lease, want, answer.token)
          tell?.(`${now()} ${process.name} finishes ${lease.material}: ${stored}`)
          return stored
        },
        kill: (claim, reason) => {
          const { attempt } = model.rowOf(claim.id)
          const isKilled = model.kill(claim, reason)
          if (isKilled) checks.onKill(claim.id, attempt)
          tell?.(`${now()} ${process.name} kills ${claim.id}: ${isKilled}`)
          return isKilled
        }
      },
      network.transactFor(process)
    )

  const start = (): Replica => {
    const process: Process = {
      ...{ name: `p${replicas.length + 1}`, isAlive: true, isPaused: false },
      ...{ wasKilled: false, wasPaused: false, isCutOff: false }
    }
    const store = storeFor(process)
    const refresher = createRefresher({
      ...{ store, exchange: network.exchangeFor(process), owner: process.name },
      ...{ exchangeMs, pollMs: 400, clock: clockOf(process) },
      isOwnerWaiting: (owner, id) => network.ask(process, findReplica(owner), id)
    })
    const replica = Object.assign(process, { refresher, look: store.look, stored: new Map() })
    replicas.push(replica)
    return replica
  }
  const onTaken = (process: Process, lease: Lease<string>): void => {
    network.onTaken(process, lease)
    const replica = findReplica(process.name)
    replica?.onLease?.(lease.id)
    if (replica) replica.onLease = undefined
  }
  const onKept = (process: Process, { id, generation }: Lease<string>, want: string, token: SimToken): void => {
    findReplica(process.name)?.stored.set(`${id} ${want}`, { generation: generation + 1, token })
  }
  const findReplica = (name: string) => replicas.find((replica) => replica.name === name)

  /** What is known without a look, where the token that was stored is, or by a wrong clock seems to be, of no use any more. */
  const recall = (replica: Replica, user: string, want: string): Look<never> | undefined => {
    const known = replica.stored.get(`${user} ${want}`)
    return known && (known.token.isSpent || random.chance(0.2)) ? afterStoring(known.generation) : undefined
  }
  /** Some callers look before they ask, or recall what was there, and tell what they saw. */
  const obtain = async (replica: Replica, user: string, want: string, waitMs: number): Promise<SimToken> => {
    const deadlineAt = now() + waitMs
    const seen = random.chance(0.5) ? (recall(replica, user, want) ?? (await replica.look(user, want))) : undefined
    return replica.refresher.obtain(user, want, deadlineAt, seen)
  }
  const call = (replica: Replica, user: string, want: string, waitMs: number): Caller => {
    const caller: Caller = { process: replica, user, want, epoch: 0, deaths: 0, got: undefined }
    callers.push(caller)
    scheduler.after(replica, random.below(3) * random.below(3) * 150, () => {
      Object.assign(caller, { epoch: model.rowOf(user).epoch, deaths: checks.deathsUntil(user) })
      tell?.(`${now()} ${replica.name} is asked for ${user} ${want}`)
      obtain(replica, user, want, waitMs).then(
        (token) => {
          tell?.(`${now()} ${replica.name} answers ${user} ${want} with ${JSON.stringify(token)}`)
          checks.onToken(caller, token)
        },
        (error: unknown) => {
          tell?.(`${now()} ${replica.name} answers ${user} ${want} with ${error}`)
          checks.onFailure(caller, error)
        }
      )
    })
    return caller
  }
  const signIn = (user: string): void => {
    model.signIn(user, server.signIn(user))
    checks.ended.delete(user)
  }

  for (const user of users) signIn(user)
  return { random, scheduler, server, model, checks, network, replicas, callers, users, start, call, signIn, pause }
}

export type World = ReturnType<typeof createWorld>
