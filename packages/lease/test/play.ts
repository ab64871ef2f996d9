import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../src/clock.ts'
import { type Answer, createRefresher, type Exchange, type Outcome, type Refresher } from '../src/index.ts'
import { createModel, storeOf } from '../src/testing/index.ts'

/** One grant `g` as the services keep it, and a clock that tests can put forward. */
export const playStore = () => {
  let ahead = 0
  const model = createModel<string, string, string>({ now: () => Date.now() + ahead })
  model.signIn('g', 'r1')
  const store = storeOf(model, async (work) => {
    await turn()
    return work()
  })
  return {
    store,
    row: () => model.rowOf('g'),
    discarded: (): Answer<string, string>[] => model.discarded.map(({ answer }) => answer),
    keep: (want: string, token: string) => model.rowOf('g').tokens.set(JSON.stringify(want), token),
    advance: (ms: number) => {
      ahead += ms
    },
    signIn: (material: string) => model.signIn('g', material),
    revoke: () => model.revoke('g'),
    empty: () => model.empty('g')
  }
}

export type PlayedStore = ReturnType<typeof playStore>

type Presentation = {
  material: string
  want: string
  answer: (outcome: Outcome<string, string>) => void
  fail: (error: Error) => void
}

/** A server that answers when the test says so. */
export const playServer = () => {
  const presentations: Presentation[] = []
  const waiting: ((presentation: Presentation) => void)[] = []
  let seen = 0
  const exchange: Exchange<string, string, string> = (material, want) =>
    new Promise((answer, fail) => {
      const presentation = { material, want, answer, fail }
      presentations.push(presentation)
      waiting.shift()?.(presentation)
    })
  /** The next presentation, when it comes. */
  const next = (): Promise<Presentation> => {
    const there = presentations[seen]
    seen += 1
    return there ? Promise.resolve(there) : new Promise((resolve) => waiting.push(resolve))
  }
  return { exchange, next, presented: () => presentations.map(({ material, want }) => `${material} for ${want}`) }
}

export type PlayedServer = ReturnType<typeof playServer>

export const answered = (material: string | undefined, token: string) =>
  ({ kind: 'answered', material, token }) satisfies Outcome<string, string>

type ProcessOptions = {
  owner?: string
  isOwnerWaiting?: (owner: string) => Promise<boolean>
  exchangeMs?: number
  storeMs?: number
  clock?: Clock
}

/** One process of the service; `isOwnerWaiting` says what the other processes answer about what they sent. */
export const startProcess = (
  { store }: Pick<PlayedStore, 'store'>,
  { exchange }: Pick<PlayedServer, 'exchange'>,
  { owner = 'p1', isOwnerWaiting = async () => false, exchangeMs = 4_000, ...more }: ProcessOptions = {}
): Refresher<string, string> & { get: (want?: string, ms?: number) => Promise<string> } => {
  const refresher = createRefresher({ store, exchange, owner, isOwnerWaiting, exchangeMs, pollMs: 5, ...more })
  return { ...refresher, get: (want = 'a', ms = 10_000) => refresher.obtain('g', want, Date.now() + ms) }
}

/**
 * Everybody goes as far as they can without the server and without time passing: each look at the store takes one turn
 * of the event loop, and nobody takes more than a few.
 */
export const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 20; turns += 1) await turn()
}

/** Both, and a process on them. */
export const play = () => {
  const [model, idp] = [playStore(), playServer()]
  return { model, idp, process: startProcess(model, idp) }
}
