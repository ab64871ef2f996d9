import type { Answer, Exchange, Lease, Outcome } from '../../store.ts'
import type { Transact } from '../model-store.ts'
import { type Checks, type Fate, type Presentation, type Process, Trouble } from './checks.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimServer, SimToken } from './server.ts'
import type { Replica, Tell } from './world.ts'

type Needs = { random: Random; scheduler: Scheduler; server: SimServer; checks: Checks; tell: Tell }
type Outcomes = Outcome<string, SimToken>

/** How long a process that was asked has to say that it still waits. */
const askMs = 100
const cause = new Error('what the server did')

const fates = ['lost', 'failed', 'troubled', 'hangs', 'busy', 'refused', 'doubled'] as const

/** What lies between the processes, their database, the server and each other; and what goes wrong there. */
export const createNetwork = ({ random, scheduler, server, checks, tell }: Needs) => {
  const state = { isDatabaseAway: false, isBusAway: false, faultRate: random.pick([0, 0, 0.1, 0.4]) }
  const taken = new Map<Process, Map<string, Lease<string>>>()

  /** Each transaction takes place at some time, and its process hears of it later, or not. */
  const transactFor =
    (process: Process): Transact =>
    (work) =>
      new Promise((resolve, reject) => {
        const refuse = () => reject(new Trouble('the database is away'))
        scheduler.soon(undefined, () => {
          const isCut = state.isDatabaseAway || process.isCutOff
          if (isCut && random.chance(0.7)) return scheduler.soon(process, refuse)
          const result = work()
          scheduler.soon(process, isCut ? refuse : () => resolve(result))
        })
      })

  const fateOf = (): Fate => (random.chance(state.faultRate) ? random.pick(fates) : 'answered')

  /** What the server makes of a request, and what of that reaches its sender. */
  const serve = (presentation: Presentation, want: string, epoch: number): Outcomes | undefined => {
    const { fate, refreshToken } = presentation
    const retryAfterMs = random.below(3) * 500
    if (fate === 'busy') return { kind: 'not_processed', retryAfterMs, cause }
    if (fate === 'refused') return { kind: 'refused', retryAfterMs, cause: new Trouble('refused') }
    if (fate === 'hangs') return undefined
    const trouble: Outcomes = { kind: 'unknown', retryAfterMs, cause }
    if (fate === 'troubled' && random.chance(0.5)) return trouble
    const [reply, again] = [server.present(refreshToken), fate === 'doubled' && server.present(refreshToken)]
    for (const each of [reply, again])
      if (each && each.kind === 'invalid_grant' && each.isReuse) checks.onReuse(presentation)
    if (reply.kind === 'tokens') presentation.next = reply.next
    if (fate === 'lost') return undefined
    if (fate === 'troubled') return trouble
    if (reply.kind === 'invalid_grant') return { kind: 'rejected', cause }
    if (fate === 'failed') return { kind: 'unknown', cause }
    const token = { user: reply.user, want, epoch, isCommitted: false, isSpent: random.chance(0.1) }
    return { kind: 'answered', material: reply.next, token }
  }

  /** Sends a refresh token as the product does it: nothing after the deadline, and what is late is not heard. */
  const exchangeFor =
    (process: Process): Exchange<string, string, SimToken> =>
    (refreshToken, want, deadlineAt) =>
      new Promise((resolve) => {
        scheduler.soon(process, () => {
          const lease = taken.get(process)?.get(userOf(refreshToken))
          const leftMs = deadlineAt - scheduler.now()
          if (leftMs <= 0 || !lease) return resolve({ kind: 'not_processed', retryAfterMs: 0, cause })
          const presentation: Presentation = {
            ...{ process, user: lease.id, refreshToken, generation: lease.generation, fate: fateOf() },
            ...{ phase: 'open', wasHeld: false, next: undefined, isStored: false }
          }
          tell?.(`${scheduler.now()} ${process.name} presents ${refreshToken} for ${want}: ${presentation.fate}`)
          checks.onSend(presentation, want)
          const end = (outcome: Outcomes) => {
            if (presentation.phase !== 'open') return
            stop()
            presentation.phase = outcome.kind === 'answered' ? 'held' : 'over'
            presentation.wasHeld = outcome.kind === 'answered'
            resolve(outcome)
          }
          const stop = scheduler.after(process, leftMs, () => end({ kind: 'unknown', cause }))
          scheduler.soon(undefined, () => {
            tell?.(`${scheduler.now()} the server gets ${refreshToken}`)
            const outcome = serve(presentation, want, lease.epoch)
            if (outcome) scheduler.soon(process, () => end(outcome))
          })
        })
      })

  /** One process asks another whether it still waits; who is gone or paused says nothing. */
  const ask = (process: Process, owner: Replica | undefined, id: string): Promise<boolean> =>
    new Promise((resolve) => {
      scheduler.soon(undefined, () => {
        const isHeard = owner?.isAlive === true && !owner.isPaused && !state.isBusAway
        const isWaiting = state.isBusAway || (isHeard && owner.refresher.isRunning(id))
        scheduler.after(process, isHeard || state.isBusAway ? 0 : askMs, () => resolve(isWaiting))
      })
    })

  return {
    state,
    transactFor,
    exchangeFor,
    ask,
    onTaken: (process: Process, lease: Lease<string>): void => {
      const leases = taken.get(process) ?? new Map<string, Lease<string>>()
      taken.set(process, leases.set(lease.id, lease))
    },
    onFinished: (lease: Lease<string>, { material, token }: Answer<string, SimToken>, stored: string): void => {
      const presentation = checks.sent.findLast(
        ({ refreshToken, next, phase }) => refreshToken === lease.material && next === material && phase === 'held'
      )
      if (presentation) Object.assign(presentation, { phase: 'over', isStored: stored !== 'lost' })
      if (stored === 'kept') token.isCommitted = true
    }
  }
}

const userOf = (refreshToken: string): string => refreshToken.slice(0, refreshToken.indexOf('#'))
