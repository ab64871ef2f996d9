import { before, type Clock } from './clock.ts'
import { dead, unavailable } from './failure.ts'
import { inTime, type Patience, persist } from './persist.ts'
import type { Claim, Exchange, Lease, Look, Outcome, RefreshStore } from './store.ts'

export type PresentOptions<Material, Want, Token> = {
  store: RefreshStore<Material, Want, Token>
  exchange: Exchange<Material, Want, Token>
  owner: string
  clock: Clock
  exchangeMs: number
  leaseMs: number
  patience: Patience
}

/**
 * One presentation of a refresh token, from taking the lease to storing what came of it: the token, or undefined where
 * the row moved on. `onAnswer` is called before anything of the answer is stored.
 */
export const createPresenter = <Material, Want, Token>(options: PresentOptions<Material, Want, Token>) => {
  const { store, exchange, owner, clock, exchangeMs, leaseMs, patience } = options
  const keep = <Result>(write: () => Promise<Result>) => persist(clock, patience, write)

  /** Where nobody can say whether the lease was taken, it is given back: surely nothing was presented under it. */
  const take = async (claim: Claim, want: Want | undefined): Promise<Lease<Material> | undefined> => {
    try {
      return await inTime(clock, patience.tryMs, store.take(claim, leaseMs, want))
    } catch (error) {
      await keep(() => store.release(claim, { isCounted: false, backoffMs: 0 }))
      throw error
    }
  }

  /** What came of it; one that throws, or never ends whatever was agreed, may have been processed. */
  const ask = async (material: Material, want: Want): Promise<Outcome<Material, Token>> => {
    const deadlineAt = clock.now() + exchangeMs
    try {
      // An answer that is a little late is still worth having: for so long we tell the others that we wait for it.
      const outcome = await before(clock, deadlineAt + leaseMs, exchange(material, want, deadlineAt))
      return outcome ?? { kind: 'unknown', cause: new Error('the exchange did not end in time') }
    } catch (cause) {
      return { kind: 'unknown', cause }
    }
  }

  const finish = async (
    lease: Lease<Material>,
    want: Want,
    answer: Extract<Outcome<Material, Token>, { kind: 'answered' }>
  ): Promise<Token | undefined> => {
    const stored = await keep(() => store.finish(lease, want, answer))
    if (stored === 'lost') await keep(() => store.discard(lease, answer))
    return stored === 'kept' ? answer.token : undefined
  }

  return async (
    id: string,
    want: Want,
    progress: Pick<Look<never>, 'generation' | 'attempt' | 'isRecalled'>,
    onAnswer: () => void
  ): Promise<Token | undefined> => {
    // Counted from before the database does, so that ours ends first.
    const leaseEndsAt = clock.now() + leaseMs
    const { generation, attempt, isRecalled } = progress
    const lease = await take({ id, owner, generation, attempt: attempt + 1 }, isRecalled ? want : undefined)
    if (!lease) return undefined
    // One that was got late, because this process or the database stood still, is not used: another may be next.
    if (clock.now() + exchangeMs > leaseEndsAt) {
      await keep(() => store.release(lease, { isCounted: false, backoffMs: 0 }))
      return undefined
    }
    const outcome = await ask(lease.material, want)
    onAnswer()
    switch (outcome.kind) {
      case 'answered':
        return finish(lease, want, outcome)
      case 'not_processed':
        await keep(() => store.release(lease, { isCounted: false, backoffMs: outcome.retryAfterMs }))
        throw unavailable(outcome.retryAfterMs, outcome.cause)
      case 'unknown': {
        const { retryAfterMs, cause } = outcome
        // Nobody presents this refresh token again before its lease would have ended: the row keeps it, or backs off.
        const backoffMs = Math.max(retryAfterMs ?? 0, leaseEndsAt - clock.now())
        // A server in trouble counts once, since it may have worked on it; however long it is, it ends no grant.
        const isCounted = lease.attempt === 1
        if (retryAfterMs !== undefined) await keep(() => store.release(lease, { isCounted, backoffMs }))
        throw unavailable(backoffMs, cause)
      }
      case 'rejected': {
        const reason = lease.attempt > 1 ? 'answer_lost' : 'rejected'
        if (await keep(() => store.kill(lease, reason))) throw dead(outcome.cause)
        // Another refresh token came meanwhile, or another presentation of this one: that one was not rejected.
        return undefined
      }
      case 'refused':
        await keep(() => store.release(lease, { isCounted: false, backoffMs: outcome.retryAfterMs }))
        throw outcome.cause
    }
  }
}
