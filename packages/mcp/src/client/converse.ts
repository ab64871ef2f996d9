import { startDeadline } from './deadline.ts'
import { type Era, type Eras, looksLegacy, probeEra } from './eras.ts'
import { listenLegacy } from './listen.ts'
import { InitializeRefused, looksOlder, openEventSession, openSession } from './open-session.ts'
import { type Answer, listenMethod, modernVersion } from './protocol.ts'
import { requestLegacy } from './request-legacy.ts'
import { requestModern } from './request-modern.ts'
import { type Result, resultOf } from './result.ts'
import { isSessionGone, type Lease, type Session, type SessionPool } from './sessions.ts'
import type { Request, Target, Wires } from './target.ts'

/** A server's ear for the requests of one call or listing: the era settled, a session held where there is one. */
export type Conversation = {
  protocolVersion: () => string | undefined
  ask: (request: Request) => Promise<Result>
  /** Gives the session back, or ends it when it was only for this. */
  close: () => void
}

export type Talk = { wires: Wires; eras: Eras; pool: SessionPool }

/** Opens a conversation; nothing is sent before the first question. With a key the session is one of the pool. */
export const converse = ({ wires, eras, pool }: Talk, target: Target, sessionKey: string | undefined): Conversation => {
  let lease: Lease | undefined
  let version: string | undefined
  let learned: Era | undefined

  const settleEra = async (): Promise<{ era: Era; isFresh: boolean }> => {
    const remembered = eras.remembered(target.url)
    if (remembered) return { era: remembered, isFresh: false }
    const era = learned ?? (await probeEra(wires, target))
    learned = era
    // A legacy server is known by its answer to initialize, not by what it refuses.
    if (era === 'modern') eras.remember(target.url, era)
    return { era, isFresh: true }
  }

  const acquire = async (open: typeof openSession): Promise<Lease> => {
    if (sessionKey === undefined) return ownLease(wires, await open(wires, target))
    return pool.acquire({ url: target.url, sessionKey }, () => openShared(wires, target, open), target.deadline.signal)
  }

  /** By what it speaks, or else by what servers before 2025-03-26 spoke, once it refuses in their way. */
  const acquireEither = async (era: Era): Promise<Lease> => {
    if (era === 'events') return acquire(openEventSession)
    try {
      return await acquire(openSession)
    } catch (thrown) {
      if (!(thrown instanceof InitializeRefused) || !looksOlder(thrown.answer)) throw thrown
      return await acquire(openEventSession).catch(() => {
        throw thrown
      })
    }
  }

  const askLegacy = async (request: Request, era: Era, isFresh: boolean): Promise<Answer | 'ask again'> => {
    try {
      lease ??= await acquireEither(era)
    } catch (thrown) {
      if (era === 'events' || thrown instanceof InitializeRefused) eras.forget(target.url)
      if (!(thrown instanceof InitializeRefused)) throw target.deadline.explain(thrown)
      learned = undefined
      return isFresh || !isInitializeUnknown(thrown.answer) ? thrown.answer : 'ask again'
    }
    eras.remember(target.url, lease.session.send ? 'events' : 'legacy')
    version = lease.session.protocolVersion
    const ask = request.method === listenMethod ? listenLegacy : requestLegacy
    const answer = await ask(wires, target, request, lease.session)
    if (!lease.isKnown || !isSessionGone(answer, lease.session)) return answer
    lease.drop()
    lease.release()
    lease = undefined
    return 'ask again'
  }

  const askModern = async (request: Request, isFresh: boolean): Promise<Answer | 'ask again'> => {
    version = modernVersion
    if (subscribing.has(request.method)) return nothing
    const answer = await requestModern(wires, target, request, modernVersion)
    if (isFresh || !looksLegacy(answer)) return answer
    eras.forget(target.url)
    learned = undefined
    // Asked again only if the server no longer speaks this era, so that it cannot have run the request.
    return (await settleEra()).era === 'modern' ? answer : 'ask again'
  }

  const ask = async (request: Request): Promise<Result> => {
    const turnsMax = 3
    for (let turn = 1; ; turn += 1) {
      const { era, isFresh } = await settleEra()
      const answer = era === 'modern' ? await askModern(request, isFresh) : await askLegacy(request, era, isFresh)
      if (answer !== 'ask again') return resultOf(answer)
      if (turn === turnsMax) return resultOf({ kind: 'refused', status: 503, headers: {} })
    }
  }

  return { protocolVersion: () => version, ask, close: () => lease?.release() }
}

// The opening belongs to the pool: a caller that leaves must not take it from the others who wait for it.
const openShared = async (wires: Wires, target: Target, open: typeof openSession): Promise<Session> => {
  const deadline = startDeadline(wires.clock, { ms: target.timeoutMs, msMax: target.timeoutMs })
  try {
    return await open(wires, { ...target, deadline, onEvent: undefined, wantsEvents: false })
  } finally {
    deadline.stop()
  }
}

const ownLease = ({ background }: Wires, session: Session): Lease => ({
  session,
  isKnown: false,
  release: () => background.run(session.end),
  drop: () => undefined
})

// In 2026-07-28 whoever listens says what to.
const subscribing: ReadonlySet<string> = new Set(['resources/subscribe', 'resources/unsubscribe'])
const nothing: Answer = { kind: 'result', result: {}, resultText: () => '{}', headers: {} }

const isInitializeUnknown = (answer: Answer): boolean =>
  answer.kind !== 'result' && answer.status !== 401 && answer.status !== 403 && answer.status < 500
