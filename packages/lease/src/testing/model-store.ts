import type { Answer, Claim, DeadReason, Lease, Look, RefreshStore } from '../store.ts'

export type ModelRow<Material, Token> = {
  material: Material
  generation: number
  attempt: number
  epoch: number
  dead: DeadReason | 'revoked' | null
  owner: string | null
  leaseUntil: number
  backoffUntil: number
  tokens: Map<string, Token>
}

type Options<Token> = {
  /** The database's time in milliseconds. */
  now: () => number
  /** Whether a kept token can still be handed out. */
  isUsable?: (token: Token) => boolean
}

const freed = { owner: null, leaseUntil: 0 }

/**
 * The rows of a RefreshStore in memory, each method done at once. It keeps the same promises as those in a database:
 * `storePromises` holds both to them.
 */
export const createModel = <Material, Want, Token>({ now, isUsable = () => true }: Options<Token>) => {
  const rows = new Map<string, ModelRow<Material, Token>>()
  const discarded: { lease: Lease<Material>; answer: Answer<Material, Token> }[] = []
  const rowOf = (id: string): ModelRow<Material, Token> => {
    const row = rows.get(id)
    if (row) return row
    throw new Error(`there is no row ${id}`)
  }
  const keyOf = (want: Want) => JSON.stringify(want)

  return {
    rows,
    rowOf,
    discarded,

    look: (id: string, want: Want): Look<Token> | undefined => {
      const row = rows.get(id)
      if (!row) return undefined
      const { generation, attempt, owner, dead, leaseUntil, backoffUntil } = row
      const [leaseMs, backoffMs] = [Math.max(0, leaseUntil - now()), Math.max(0, backoffUntil - now())]
      const token = dead === null ? row.tokens.get(keyOf(want)) : undefined
      return {
        ...{ generation, attempt, owner, isDead: dead !== null, leaseMs, backoffMs },
        token: token !== undefined && isUsable(token) ? token : undefined
      }
    },
    take: (claim: Claim, leaseMs: number, want?: Want): Lease<Material> | undefined => {
      const row = rowOf(claim.id)
      const isFree = row.dead === null && row.leaseUntil <= now() && row.backoffUntil <= now()
      if (!isFree || row.generation !== claim.generation || row.attempt !== claim.attempt - 1) return undefined
      const kept = want === undefined ? undefined : row.tokens.get(keyOf(want))
      if (kept !== undefined && isUsable(kept)) return undefined
      Object.assign(row, { owner: claim.owner, leaseUntil: now() + leaseMs, attempt: claim.attempt })
      return { ...claim, epoch: row.epoch, material: row.material }
    },
    finish: (lease: Lease<Material>, want: Want, { material, token }: Answer<Material, Token>) => {
      const row = rowOf(lease.id)
      if (row.dead !== null || row.generation !== lease.generation) return 'lost'
      Object.assign(row, { ...freed, generation: row.generation + 1, attempt: 0, backoffUntil: 0 })
      if (material !== undefined) row.material = material
      if (row.epoch !== lease.epoch) return 'emptied'
      row.tokens.set(keyOf(want), token)
      return 'kept'
    },
    discard: (lease: Lease<Material>, answer: Answer<Material, Token>): void => {
      discarded.push({ lease, answer })
    },
    release: (claim: Claim, { isCounted, backoffMs }: { isCounted: boolean; backoffMs: number }): void => {
      const { id, owner, generation, attempt } = claim
      const row = rowOf(id)
      if (row.generation !== generation || row.attempt !== attempt || row.owner !== owner) return
      const backoffUntil = backoffMs > 0 ? now() + backoffMs : 0
      Object.assign(row, { ...freed, attempt: isCounted ? attempt : attempt - 1, backoffUntil })
    },
    kill: ({ id, generation, attempt }: Pick<Claim, 'id' | 'generation' | 'attempt'>, reason: DeadReason): boolean => {
      const row = rowOf(id)
      if (row.dead !== null || row.generation !== generation || row.attempt !== attempt) return false
      end(row, reason)
      return true
    },

    /** What a sign-in does; also to one that is dead or not there yet. */
    signIn: (id: string, material: Material): void => {
      const { generation, epoch } = rows.get(id) ?? { generation: 0, epoch: 0 }
      const counts = { generation: generation + 1, epoch: epoch + 1, attempt: 0 }
      rows.set(id, { ...freed, ...counts, material, dead: null, backoffUntil: 0, tokens: new Map() })
    },
    revoke: (id: string): void => end(rowOf(id), 'revoked'),
    /** Drops the tokens, and those under way. */
    empty: (id: string): void => {
      const row = rowOf(id)
      row.epoch += 1
      row.tokens.clear()
    }
  }
}

const end = (row: ModelRow<unknown, unknown>, dead: DeadReason | 'revoked') => {
  Object.assign(row, { ...freed, dead, generation: row.generation + 1, epoch: row.epoch + 1, attempt: 0 })
  row.backoffUntil = 0
  row.tokens.clear()
}

export type Model<Material, Want, Token> = ReturnType<typeof createModel<Material, Want, Token>>

/** When a transaction takes place, and when its caller hears of it. */
export type Transact = <Result>(work: () => Result) => Promise<Result>

/** The model as a store, each transaction done by `transact`. */
export const storeOf = <Material, Want, Token>(
  model: Model<Material, Want, Token>,
  transact: Transact
): RefreshStore<Material, Want, Token> => ({
  look: (id, want) => transact(() => model.look(id, want)),
  take: (claim, leaseMs, want) => transact(() => model.take(claim, leaseMs, want)),
  finish: (lease, want, answer) => transact(() => model.finish(lease, want, answer)),
  discard: (lease, answer) => transact(() => model.discard(lease, answer)),
  release: (claim, after) => transact(() => model.release(claim, after)),
  kill: (claim, reason) => transact(() => model.kill(claim, reason))
})
