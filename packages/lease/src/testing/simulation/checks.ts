import { RefreshFailure } from '../../failure.ts'
import type { Model } from '../model-store.ts'
import type { Host } from './scheduler.ts'
import type { SimServer, SimToken } from './server.ts'

export type SimModel = Model<string, string, SimToken>

/** A process of the service. One that was killed lost what it held; one that was ever paused may have been taken for it. */
export type Process = Host & { name: string; wasKilled: boolean; wasPaused: boolean; isCutOff: boolean }

/** What the server, or the way to it, does with a request; a troubled one answers, and not what came of it. */
export type Fate = 'answered' | 'lost' | 'failed' | 'troubled' | 'hangs' | 'busy' | 'refused' | 'doubled'

/** One sending of a refresh token. */
export type Presentation = {
  process: Process
  user: string
  refreshToken: string
  generation: number
  fate: Fate
  /** `open` until its sender knows what came of it, `held` while it has an answer that is not stored. */
  phase: 'open' | 'held' | 'over'
  wasHeld: boolean
  /** The refresh token that the server gave for it. */
  next: string | undefined
  isStored: boolean
}

export type Caller = {
  process: Process
  user: string
  want: string
  /** The row's epoch, and how often it had died, when this caller came. */
  epoch: number
  deaths: number
  /** What it got; undefined while it waits. */
  got: 'token' | 'error' | undefined
}

/** Errors of the world around, which a caller may be told of. */
export class Trouble extends Error {}

type Needs = { model: SimModel; server: SimServer; fail: (what: string) => void }

/** What must hold whatever happens; each breach is told to `fail`. */
export const createChecks = ({ model, server, fail }: Needs) => {
  const sent: Presentation[] = []
  const deaths = new Map<string, number>()
  /** Users whose grant was ended here or at the server, or presented twice without an answer. */
  const ended = new Set<string>()
  let isAnybodyPaused = false

  const sendingsOf = (refreshToken: string) => sent.filter((one) => one.refreshToken === refreshToken)
  const mayBeLost = ({ fate }: Presentation) => fate !== 'busy' && fate !== 'refused' && fate !== 'troubled'
  const canAnswer = ({ phase, process }: Presentation) => phase !== 'over' && !process.wasKilled && !process.wasPaused

  return {
    sent,
    ended,
    /** How often a row had died before now; a death that lasts may still be told. */
    deathsUntil: (user: string) => (deaths.get(user) ?? 0) - (model.rowOf(user).dead === null ? 0 : 1),
    onPause: () => {
      isAnybodyPaused = true
    },

    onTake: ({ backoffUntil }: { backoffUntil: number }, now: number): void => {
      if (backoffUntil > now) fail('a server was not left alone for as long as it asked')
    },

    onSend: (presentation: Presentation, want: string): void => {
      const { refreshToken, generation } = presentation
      const earlier = sendingsOf(refreshToken).filter((one) => one.generation === generation)
      if (earlier.filter(mayBeLost).length >= 2) fail('a refresh token was presented a third time')
      if (earlier.some(canAnswer)) fail('a refresh token was presented while its answer could still arrive')
      if (!isAnybodyPaused && model.look(presentation.user, want)?.token)
        fail('the server was asked although there was a token')
      sent.push(presentation)
    },
    /** The server took this refresh token for stolen, which it is only where it was presented twice. */
    onReuse: ({ refreshToken, user, fate }: Presentation): void => {
      if (sendingsOf(refreshToken).length < 2 && fate !== 'doubled') fail('a refresh token was used that was replaced')
      ended.add(user)
    },

    /** A row was ended by what came of its refresh token, which had been presented `attempt` times. */
    onKill: (user: string, attempt: number): void => {
      if (server.accepts(model.rowOf(user).material) && attempt < 2) fail('a refresh token that holds was ended')
      if (attempt >= 2) ended.add(user)
      deaths.set(user, (deaths.get(user) ?? 0) + 1)
    },
    onRevoke: (user: string): void => {
      ended.add(user)
      deaths.set(user, (deaths.get(user) ?? 0) + 1)
    },

    onToken: (caller: Caller, token: SimToken): void => {
      caller.got = 'token'
      if (token.user !== caller.user) fail('a token crossed users')
      if (token.want !== caller.want) fail('a token is for another want')
      if (!token.isCommitted) fail('a token was handed out before it was stored')
      if (token.epoch < caller.epoch) fail('a token from before an emptying was handed out after it')
    },

    onFailure: (caller: Caller, error: unknown): void => {
      caller.got = 'error'
      const isKnown = error instanceof Trouble || error instanceof RefreshFailure
      if (!isKnown) fail(`a caller was told ${error}`)
      const hasDied = model.rowOf(caller.user).dead !== null || (deaths.get(caller.user) ?? 0) > caller.deaths
      const saysDead = error instanceof RefreshFailure && error.reason === 'dead'
      if (saysDead && !hasDied) fail('a caller was told of a death that was none')
    },

    /** When everything works again: who is dead must have died of something that nobody can prevent. */
    onDead: (user: string): void => {
      if (ended.has(user)) return
      const lost = sendingsOf(model.rowOf(user).material).filter(
        ({ next, isStored }) => next !== undefined && !isStored
      )
      if (lost.every(isPreventable)) fail(`the grant of ${user} was lost for no reason`)
    }
  }
}

/** Its answer arrived in time at a process that went on to live. */
const isPreventable = ({ fate, wasHeld, process }: Presentation) =>
  fate === 'answered' && wasHeld && !process.wasKilled && !process.wasPaused

export type Checks = ReturnType<typeof createChecks>
