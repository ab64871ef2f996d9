import { setTimeout as sleep } from 'node:timers/promises'
import { RefreshFailure } from './failure.ts'
import type { Exchange, Outcome, Progress, RefreshStore } from './store.ts'
import { before, persist } from './waiting.ts'

export type RefresherOptions<Material, Want, Token> = {
  store: RefreshStore<Material, Want, Token>
  /** Presents the refresh token; must end within `exchangeMs`, whatever the server does. */
  exchange: Exchange<Material, Want, Token>
  /** This process, as the rows record it. */
  owner: string
  /** Whether another process still waits for the answer of what it sent. Silence is no. */
  isOwnerWaiting: (owner: string, id: string) => Promise<boolean>
  /** How long a presentation may take (10 s); the lease is held half as long again. */
  exchangeMs?: number
  /** How often a caller that waits for another process looks at the row (40 ms). */
  pollMs?: number
}

export type Refresher<Want, Token> = {
  /** A usable token for `want`: a stored one, or that of a refresh by this or another process. */
  obtain: (id: string, want: Want, deadlineAt: number) => Promise<Token>
  /** Whether a refresh of `id` runs in this process. */
  isRunning: (id: string) => boolean
  /** Resolves when every refresh under way has ended. */
  settle: () => Promise<void>
}

type Running<Token> = { want: string; promise: Promise<Token | undefined> }

/** A token is presented once, and a second time only when the first answer can no longer arrive. */
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
  exchangeMs = 10_000,
  pollMs = 40
}: RefresherOptions<Material, Want, Token>): Refresher<Want, Token> => {
  const leaseMs = exchangeMs * 1.5
  const running = new Map<string, Running<Token>>()

  /** What came of it; one that throws, or outlives its lease whatever was agreed, may have been processed. */
  const ask = async (material: Material, want: Want): Promise<Outcome<Material, Token>> => {
    try {
      const outcome = await before(Date.now() + leaseMs, exchange(material, want, AbortSignal.timeout(exchangeMs)))
      return outcome ?? { kind: 'unknown', cause: new Error('the exchange did not end in time') }
    } catch (cause) {
      return { kind: 'unknown', cause }
    }
  }

  const present = async (id: string, want: Want, { generation, attempt }: Progress): Promise<Token | undefined> => {
    const taken = await store.take(id, { owner, generation, attempt, leaseMs })
    if (!taken) return undefined
    const held = { owner, generation, attempt: attempt + 1, epoch: taken.epoch }
    const outcome = await ask(taken.material, want)
    switch (outcome.kind) {
      case 'answered': {
        const stored = await persist(() => store.finish(id, want, held, outcome), Date.now() + leaseMs)
        if (stored === 'lost') await store.discard(id, outcome)
        else if (outcome.refusal) throw outcome.refusal
        return stored === 'kept' ? outcome.token : undefined
      }
      case 'not_processed':
        await store.giveBack(id, held, outcome.retryAfterSeconds * 1000)
        throw new RefreshFailure('unavailable', outcome.retryAfterSeconds, outcome.cause)
      case 'unknown':
        // The row keeps the attempt and the lease: nobody presents this token again before `until`.
        throw new RefreshFailure('unavailable', Math.ceil(leaseMs / 1000), outcome.cause)
      case 'rejected':
        await store.kill(id, generation, held.attempt > 1 ? 'answer_lost' : 'rejected')
        if (await isReplaced(id, generation)) return undefined
        throw new RefreshFailure('dead', 0, outcome.cause)
      case 'refused':
        await store.giveBack(id, held, outcome.retryAfterSeconds * 1000)
        throw outcome.cause
    }
  }

  /** A sign-in meanwhile brought another refresh token: that one was not rejected. */
  const isReplaced = async (id: string, generation: number): Promise<boolean> => {
    const progress = await store.read(id)
    return progress !== undefined && !progress.isDead && progress.generation !== generation
  }

  const presentOnce = (id: string, want: Want, progress: Progress): Promise<Token | undefined> => {
    const promise = present(id, want, progress).finally(() => running.delete(id))
    running.set(id, { want: JSON.stringify(want), promise })
    return promise
  }

  /** The next step towards a token: finds it, waits for whoever refreshes, or refreshes. Undefined is: look again. */
  const step = async (id: string, want: Want): Promise<Token | undefined> => {
    const stored = await store.findToken(id, want)
    if (stored !== undefined) return stored
    const mine = running.get(id)
    if (mine) return join(mine, want)
    const progress = await store.read(id)
    // Another caller of this process may have begun while the row was read.
    if (running.has(id)) return undefined
    if (!progress || progress.isDead) throw new RefreshFailure('dead', 0)
    if (progress.backoffMs > 0) throw new RefreshFailure('unavailable', Math.ceil(progress.backoffMs / 1000))
    if (progress.leaseMs > 0) return wait(Math.min(progress.leaseMs, pollMs))
    const previous = progress.attempt > 0 && progress.owner !== owner ? progress.owner : null
    if (previous && (await isOwnerWaiting(previous, id))) return wait(pollMs)
    if (progress.attempt >= presentationsMax) {
      await store.kill(id, progress.generation, 'answer_lost')
      return undefined
    }
    // What was stored since the first look is seen now; what is stored from now on fails the compare of `take`.
    const storedMeanwhile = await store.findToken(id, want)
    if (storedMeanwhile !== undefined || running.has(id)) return storedMeanwhile
    return presentOnce(id, want, progress)
  }

  /** Who wants the same gets the same. What failed for the token or its server fails for everybody else too. */
  const join = async (mine: Running<Token>, want: Want): Promise<Token | undefined> => {
    if (mine.want === JSON.stringify(want)) return mine.promise
    await mine.promise.catch((error: unknown) => {
      if (error instanceof RefreshFailure) throw error
    })
    return undefined
  }

  const wait = async (ms: number): Promise<undefined> => {
    await sleep(ms)
    return undefined
  }

  return {
    obtain: async (id, want, deadlineAt) => {
      while (Date.now() < deadlineAt) {
        const token = await before(deadlineAt, step(id, want))
        if (token !== undefined) return token
      }
      throw new RefreshFailure('unavailable', 1, new Error('the caller stopped waiting'))
    },
    isRunning: (id) => running.has(id),
    settle: async () => {
      await Promise.allSettled([...running.values()].map(({ promise }) => promise))
    }
  }
}
