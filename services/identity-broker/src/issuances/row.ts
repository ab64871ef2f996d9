import { hashOf, newId } from '@onbehalf/service-kit'
import type { MintAsk } from '../tokens/mint.ts'
import type { Actor, Minted } from '../tokens/modes/mode.ts'
import type { NewIssuance } from './write-store.ts'

const hash = Symbol('hash')

/**
 * What a token is found by in its rows. A kept one is given out again and again, and hashed once; its hash is kept in it,
 * since every garbage collection works through a WeakMap of all of them.
 */
export const hashOnce = ({ provider }: MintAsk, minted: Minted & { [hash]?: string }): string => {
  const known = minted[hash]
  if (known !== undefined) return known
  const value = hashIn(minted.token, provider.audience)
  // Of this token alone: a copy of it may be changed.
  Object.defineProperty(minted, hash, { value })
  return value
}

/** One row for each server: an ID token is given to several (`forward_id_token`). */
export const hashIn = (token: string, audience: string): string => hashOf(`${token} ${audience}`)

/** Under what the uses of a token by one who asks are counted. */
export const keyOf = (token_hash: string, { kind, id }: Actor): string => `${token_hash} ${kind} ${id}`

/** A token for one call has no hash: nobody asks for it again. */
export const issuedRow = (ask: MintAsk, minted: Minted, token_hash: string | null): NewIssuance => ({
  ...rowOf(ask),
  ...factsOf(minted),
  ...{ token_hash, outcome: 'issued' }
})

export const refusedRow = (ask: MintAsk, outcome: string): NewIssuance => ({
  ...rowOf(ask),
  ...{ outcome, grant_id: null, jti: null, token_hash: null, generation: null, expires_at: null }
})

const rowOf = ({ tenant_id, user_id, actor, provider: { audience }, mode }: MintAsk) => ({
  ...{ id: newId(), tenant_id, user_id, actor_kind: actor.kind, actor_id: actor.id, audience, mode, times: 1 }
})

const factsOf = ({ grant_id, jti, generation, expires_at }: Minted) => ({
  ...{ grant_id, generation, expires_at },
  // Somebody else made it: what Postgres would not take, or nobody could read, is left out.
  jti: jti !== null && /^[\x20-\x7e]{1,255}$/.test(jti) ? jti : null
})
