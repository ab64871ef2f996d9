import { before, type Clock, systemClock } from './clock.ts'
import { RefreshFailure, unavailable } from './failure.ts'
import { inTime } from './persist.ts'
import { createPresenter } from './present.ts'
import type { Exchange, Look, RefreshStore } from './store.ts'
import { createTurns } from './turn.ts'

export type RefresherOptions<Material, Want, Token> = {
  store: RefreshStore<Material, Want, Token>
  exchange: Exchange<Material, Want, Token>
  /** This process, as the rows record it; another one after every start. */
  owner: string
  /** Whether another process still waits for the answer of what it presented. Who is gone does not. */
  isOwnerWaiting: (owner: string, id: string) => Promise<boolean>
  /** What wants are told apart by (their JSON): those of one name get the same token. */
  nameOf?: (want: Want) => string
  /** How long a presentation may take (10 s); the lease is held half as long again. */
  exchangeMs?: number
  /** How often the row is looked at while another process refreshes it (40 ms). */
  pollMs?: number
  /** How long an answer that was got is tried to be stored while the database is away (5 min). */
  storeMs?: number
  clock?: Clock
}

export type Refresher<Want, Token> = {
  /**
   * A usable token for `want`: a kept one, or that of a refresh by this or another process. Throws RefreshFailure. `seen`:
   * what a look at it told that began after its caller came, where there was one; or `afterStoring`.
   */
  obtain: (id: string, want: Want, deadlineAt: number, seen?: Look<Token>) => Promise<Token>
  /** Whether this process waits for the answer of a refresh token of `id`, or stores it. */
  isRunning: (id: string) => boolean
  /** Begins nothing any more, and resolves when every presentation under way has ended. */
  settle: () => Promise<void>
}

/**
 * What a row looks like to who saw a token for a want stored with this generation, once that token should have ended.
 * Another token for it comes with another generation only, and whatever else happened meanwhile, or that its end is not
 * there yet, `take` finds out: so there is nothing to look for before.
 */
export const afterStoring = (generation: number): Look<never> => ({
  ...{ generation, attempt: 0, isDead: false, owner: null, leaseMs: 0, backoffMs: 0, token: undefined },
  isRecalled: true
})

/** What this process does for one id, for all who ask. `phase` tells how far it is. */
type Work<Token> = {
  want: string
  phase: 'waiting' | 'presenting' | 'storing'
  promise: Promise<Token | undefined>
}

/**
 * A token is presented once, and a second time only when the first answer can no longer arrive. What was answered, if
 * only with the server's own trouble, is not lost, and is presented again once the server is to be asked again.
 */
const presentationsMax = 2

/**
 * One refresh of a rotating refresh token at a time, over all processes that share `store`. A refresh belongs to this
 * process and not to its callers: a caller's deadline only stops the waiting.
 */
export const createRefresher = <Material, Want, Token>({
  store,
  exchange,
  owner,
  isOwnerWaiting,
  nameOf = JSON.stringify,
  exchangeMs = 10_000,
  pollMs = 40,
  storeMs = 300_000,
  clock = systemClock
}: RefresherOptions<Material, Want, Token>): Refresher<Want, Token> => {
  const tryMs = exchangeMs
  const leaseMs = exchangeMs * 1.5
  const patience = { tryMs, storeMs }
  const present = createPresenter({ store, exchange, owner, clock, exchangeMs, leaseMs, patience })
  const turn = createTurns({ owner, isOwnerWaiting, clock, pollMs, tryMs })
  const works = new Map<string, Work<Token>>()
  let isClosing = false

  /** One refresh of what was looked at, after waiting for those of others. Undefined is: look again. */
  const refresh = async (
    id: string,
    want: Want,
    progressSeen: Look<Token> | undefined,
    work: Work<Token>
  ): Promise<Token | undefined> => {
    // There was no token at this generation. What is stored from now on is another one, and fails the compare of `take`.
    const progress = await turn(id, { progress: progressSeen, again: () => store.look(id, want) })
    if (!progress) return undefined
    if (progress.attempt >= presentationsMax) {
      await inTime(clock, tryMs, store.kill({ id, ...progress }, 'answer_lost'))
      return undefined
    }
    if (isClosing) throw unavailable(1000, new Error('this process is leaving'))
    work.phase = 'presenting'
    return present(id, want, progress, () => {
      work.phase = 'storing'
    })
  }

  const begin = (id: string, want: Want, look: Look<Token> | undefined): Work<Token> => {
    const work: Work<Token> = { want: nameOf(want), phase: 'waiting', promise: Promise.resolve(undefined) }
    works.set(id, work)
    work.promise = refresh(id, want, look, work).finally(() => {
      works.delete(id)
      // A former table of the Map may hold on to the work for long, and is not to hold on to what came of it.
      work.promise = Promise.resolve(undefined)
    })
    return work
  }

  const isAlive = async (id: string, want: Want): Promise<boolean> => (await store.look(id, want))?.isDead === false

  /** Who wants the same gets the same; what failed for the refresh token or its server fails for everybody. */
  const join = async (id: string, work: Work<Token>, want: Want): Promise<Token | undefined> => {
    const isSame = work.want === nameOf(want)
    // Tokens may have been emptied just before this caller came: then one that is being stored is looked up again.
    const isInTime = isSame && work.phase !== 'storing'
    const token = await work.promise.catch(async (error: unknown): Promise<undefined> => {
      const isFailure = error instanceof RefreshFailure
      if (!isSame && !isFailure) return
      // Somebody may have signed in after the row was looked at, and just before this caller came.
      if (isFailure && error.reason === 'dead' && (await isAlive(id, want))) return
      throw error
    })
    return isInTime && work.phase === 'storing' ? token : undefined
  }

  /** The next step towards a token: finds it, or waits for a refresh. Undefined is: look again. */
  const step = async (id: string, want: Want, seen: Look<Token> | undefined): Promise<Token | undefined> => {
    const look = seen ?? (await store.look(id, want))
    return look?.token ?? join(id, works.get(id) ?? begin(id, want, look), want)
  }

  return {
    obtain: async (id, want, deadlineAt, seen) => {
      let look = seen
      while (clock.now() < deadlineAt) {
        const token = await before(clock, deadlineAt, step(id, want, look))
        if (token !== undefined) return token
        look = undefined
      }
      throw unavailable(1000, new Error('the caller stopped waiting'))
    },
    isRunning: (id) => (works.get(id)?.phase ?? 'waiting') !== 'waiting',
    settle: async () => {
      isClosing = true
      const presenting = [...works.values()].filter(({ phase }) => phase !== 'waiting')
      await Promise.allSettled(presenting.map(({ promise }) => promise))
    }
  }
}
