import assert from 'node:assert/strict'
import type { Answer, Claim, Lease, Look, Progress, RefreshStore } from '../store.ts'

/** A store, and what else happens to its rows. */
export type StoreFixture<Material, Want, Token> = {
  store: RefreshStore<Material, Want, Token>
  /** Two that differ. */
  wants: readonly [Want, Want]
  /** Whether a row keeps the last token alone, because it is only ever asked for one want. */
  keepsOneToken?: true
  /** Makes a living row that nobody refreshed yet; its id. */
  make: () => Promise<string>
  /** An answer to a presentation, each time another one, or one that leaves the refresh token as it is. */
  answerTo: (lease: Lease<Material>, rotation?: 'rotated' | 'kept') => Answer<Material, Token>
  /** The refresh token of a material. */
  textOf: (material: Material) => string
  endLease: (id: string) => Promise<void>
  signIn: (id: string) => Promise<void>
  revoke: (id: string) => Promise<void>
  /** Drops the tokens. */
  empty: (id: string) => Promise<void>
}

export type Promises = Readonly<Record<string, () => Promise<void>>>

/** Two processes; ids as the databases have them. */
export const [one, other] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const

export const leaseMs = 60_000
export const free = { attempt: 0, owner: null, isDead: false, leaseMs: 0, backoffMs: 0 }

/** The steps that the promises are told in. */
export const stepsOf = <Material, Want, Token>({ store, wants }: StoreFixture<Material, Want, Token>) => {
  const lookAt = async (id: string, want = wants[0]): Promise<Look<Token>> => {
    const look = await store.look(id, want)
    assert(look)
    return look
  }
  const progressOf = async (id: string): Promise<Progress> => {
    const { token: _, ...progress } = await lookAt(id)
    return progress
  }
  const tokenOf = async (id: string, want = wants[0]): Promise<Token | undefined> => (await lookAt(id, want)).token
  /** What may be claimed now. */
  const claimOf = async (id: string, owner: string = one): Promise<Claim> => {
    const { generation, attempt } = await progressOf(id)
    return { id, owner, generation, attempt: attempt + 1 }
  }
  const take = async (id: string, owner: string = one): Promise<Lease<Material>> => {
    const lease = await store.take(await claimOf(id, owner), leaseMs)
    assert(lease)
    return lease
  }
  /** Does `work` and sees that it changed nothing. */
  const unchanged = async (id: string, work: () => Promise<void>): Promise<void> => {
    const { leaseMs: _before, ...before } = await progressOf(id)
    await work()
    const { leaseMs: _after, ...after } = await progressOf(id)
    assert.deepEqual(after, before)
  }
  return { progressOf, tokenOf, claimOf, take, unchanged }
}
