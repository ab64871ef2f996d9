import type { Asking } from './asking.ts'
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
export const converse = (talk: Talk, target: Target, sessionKey: Asking['sessionKey']): Conversation =>
  new Talking(talk, target, sessionKey)

// A class, since a closure for each of these would be made for every call, and most calls need two of them.
class Talking implements Conversation {
  private readonly talk: Talk
  private readonly target: Target
  private readonly sessionKey: Asking['sessionKey']
  private lease: Lease | undefined
  private version: string | undefined
  private learned: Era | undefined

  constructor(talk: Talk, target: Target, sessionKey: Asking['sessionKey']) {
    this.talk = talk
    this.target = target
    this.sessionKey = sessionKey
  }

  protocolVersion(): string | undefined {
    return this.version
  }

  close(): void {
    this.lease?.release()
  }

  async ask(request: Request): Promise<Result> {
    const turnsMax = 3
    for (let turn = 1; ; turn += 1) {
      // Nothing is awaited that is known.
      const remembered = this.talk.eras.remembered(this.target.url)
      const isFresh = remembered === undefined
      const era = remembered ?? (await this.settleEra())
      let answer = await (era === 'modern' ? this.askModern(request) : this.askLegacy(request, era, isFresh))
      if (era === 'modern' && answer !== 'ask again' && !isFresh && looksLegacy(answer))
        answer = await this.askAnewWhereOlder(answer)
      if (answer !== 'ask again') return resultOf(answer)
      if (turn === turnsMax) return resultOf({ kind: 'refused', status: 503, headers: {} })
    }
  }

  private async settleEra(): Promise<Era> {
    const { talk, target } = this
    const remembered = talk.eras.remembered(target.url)
    if (remembered) return remembered
    const era = this.learned ?? (await probeEra(talk.wires, target))
    this.learned = era
    // A legacy server is known by its answer to initialize, not by what it refuses.
    if (era === 'modern') talk.eras.remember(target.url, era)
    return era
  }

  private async acquire(open: typeof openSession): Promise<Lease> {
    const { talk, target, sessionKey } = this
    if (sessionKey === undefined) return ownLease(talk.wires, await open(talk.wires, target))
    const opening = () => openShared(talk.wires, target, open)
    const key = typeof sessionKey === 'function' ? sessionKey() : sessionKey
    return talk.pool.acquire({ url: target.url, sessionKey: key }, opening, target.deadline.signal)
  }

  /** By what it speaks, or else by what servers before 2025-03-26 spoke, once it refuses in their way. */
  private async acquireEither(era: Era): Promise<Lease> {
    if (era === 'events') return this.acquire(openEventSession)
    try {
      return await this.acquire(openSession)
    } catch (thrown) {
      if (!(thrown instanceof InitializeRefused) || !looksOlder(thrown.answer)) throw thrown
      return await this.acquire(openEventSession).catch(() => {
        throw thrown
      })
    }
  }

  private async askLegacy(request: Request, era: Era, isFresh: boolean): Promise<Answer | 'ask again'> {
    const { wires, eras } = this.talk
    const { target } = this
    try {
      this.lease ??= await this.acquireEither(era)
    } catch (thrown) {
      if (era === 'events' || thrown instanceof InitializeRefused) eras.forget(target.url)
      if (!(thrown instanceof InitializeRefused)) throw target.deadline.explain(thrown)
      this.learned = undefined
      return isFresh || !isInitializeUnknown(thrown.answer) ? thrown.answer : 'ask again'
    }
    const { lease } = this
    eras.remember(target.url, lease.session.send ? 'events' : 'legacy')
    this.version = lease.session.protocolVersion
    const ask = request.method === listenMethod ? listenLegacy : requestLegacy
    const answer = await ask(wires, target, request, lease.session)
    if (!lease.isKnown || !isSessionGone(answer, lease.session)) return answer
    lease.drop()
    lease.release()
    this.lease = undefined
    return 'ask again'
  }

  private askModern(request: Request): Promise<Answer> {
    this.version = modernVersion
    if (subscribing.has(request.method)) return Promise.resolve(nothing)
    return requestModern(this.talk.wires, this.target, request, modernVersion)
  }

  /** A server answered as if it knew no more of the era that it was known for. */
  private async askAnewWhereOlder(answer: Answer): Promise<Answer | 'ask again'> {
    this.talk.eras.forget(this.target.url)
    this.learned = undefined
    // Asked again only if the server no longer speaks this era, so that it cannot have run the request.
    return (await this.settleEra()) === 'modern' ? answer : 'ask again'
  }
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
