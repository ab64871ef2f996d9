import { setImmediate as turn } from 'node:timers/promises'
import {
  createRefresher,
  type DeadReason,
  type Exchange,
  type Outcome,
  type Refresher,
  type RefreshStore
} from '../src/index.ts'

type Row = {
  material: string
  generation: number
  attempt: number
  epoch: number
  dead: DeadReason | 'revoked' | null
  owner: string | null
  leaseUntil: number
  backoffUntil: number
  tokens: Map<string, string>
}

export type Answer = Outcome<string, string>

/** One grant `g`, its rows as the services keep them, and a clock that tests can put forward. */
export const createModel = () => {
  let ahead = 0
  const now = () => Date.now() + ahead
  const row: Row = {
    material: 'r1',
    generation: 1,
    attempt: 0,
    epoch: 0,
    dead: null,
    owner: null,
    leaseUntil: 0,
    backoffUntil: 0,
    tokens: new Map()
  }
  const discarded: Answer[] = []
  const release = { owner: null, leaseUntil: 0, attempt: 0 }
  const rowOf = async (id: string) => {
    await turn()
    return id === 'g' ? row : undefined
  }
  const store: RefreshStore<string, string, string> = {
    findToken: async (id, want) => ((await rowOf(id))?.dead === null ? row.tokens.get(want) : undefined),
    read: async (id) => {
      if (!(await rowOf(id))) return undefined
      const { generation, attempt, owner, dead, leaseUntil, backoffUntil } = row
      const [leaseMs, backoffMs] = [Math.max(0, leaseUntil - now()), Math.max(0, backoffUntil - now())]
      return { generation, attempt, owner, isDead: dead !== null, leaseMs, backoffMs }
    },
    take: async (id, { owner, generation, attempt, leaseMs }) => {
      await rowOf(id)
      const isFree = row.dead === null && row.leaseUntil <= now()
      if (!isFree || row.generation !== generation || row.attempt !== attempt) return undefined
      Object.assign(row, { owner, leaseUntil: now() + leaseMs, attempt: attempt + 1 })
      return { material: row.material, epoch: row.epoch }
    },
    finish: async (id, want, held, { material, token }) => {
      await rowOf(id)
      const isHeld = row.generation === held.generation && row.owner === held.owner && row.attempt === held.attempt
      if (!isHeld || row.dead !== null) return 'lost'
      Object.assign(row, {
        ...release,
        generation: row.generation + 1,
        material: material ?? row.material,
        backoffUntil: 0
      })
      if (row.epoch !== held.epoch) return 'emptied'
      if (token !== undefined) row.tokens.set(want, token)
      return 'kept'
    },
    discard: async (_id, answer) => {
      await turn()
      discarded.push(answer)
    },
    giveBack: async (id, { owner, generation, attempt }, backoffMs) => {
      await rowOf(id)
      if (row.generation !== generation || row.owner !== owner) return
      Object.assign(row, { ...release, attempt: attempt - 1, backoffUntil: backoffMs > 0 ? now() + backoffMs : 0 })
    },
    kill: async (id, generation, reason) => {
      await rowOf(id)
      if (row.dead === null && row.generation === generation) row.dead = reason
    }
  }
  return {
    row,
    store,
    discarded,
    advance: (ms: number) => {
      ahead += ms
    },
    signIn: (material: string) => {
      Object.assign(row, { ...release, material, generation: row.generation + 1, dead: null, backoffUntil: 0 })
      row.tokens.clear()
    },
    revoke: () => {
      Object.assign(row, { dead: 'revoked', generation: row.generation + 1 })
    },
    empty: () => {
      row.epoch += 1
      row.tokens.clear()
    }
  }
}

export type Model = ReturnType<typeof createModel>

type Presentation = { material: string; want: string; answer: (outcome: Answer) => void; fail: (error: Error) => void }

/** An IdP that answers when the test says so. */
export const createIdp = () => {
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

export type Idp = ReturnType<typeof createIdp>

export const answered = (material: string | undefined, token: string): Answer => ({ kind: 'answered', material, token })

/** One process of the service; `waits` says what the other processes answer about what they sent. */
export const startProcess = (
  { store }: Pick<Model, 'store'>,
  { exchange }: Pick<Idp, 'exchange'>,
  { owner = 'p1', isOwnerWaiting = async () => false, exchangeMs = 400 }: ProcessOptions = {}
): Refresher<string, string> & { get: (want?: string, ms?: number) => Promise<string> } => {
  const refresher = createRefresher({ store, exchange, owner, isOwnerWaiting, exchangeMs, pollMs: 5 })
  return { ...refresher, get: (want = 'a', ms = 10_000) => refresher.obtain('g', want, Date.now() + ms) }
}

type ProcessOptions = {
  owner?: string
  isOwnerWaiting?: (owner: string) => Promise<boolean>
  exchangeMs?: number
}
