import { hashOf, newId } from '@onbehalf/service-kit'
import type { MintAsk } from '../tokens/mint.ts'
import type { Actor, Minted } from '../tokens/modes/mode.ts'
import type { NewIssuance } from './store.ts'

/** How a row is made, and under what it is counted. */
type Counted = { key: string; make: () => NewIssuance }

/** Rows of what was issued: a token for one call has one of its own, another one for each who asks for it. */
export const createRows = () => {
  const hashes = new WeakMap<Minted, string>()
  const hashOnce = ({ provider }: MintAsk, minted: Minted): string => {
    const known = hashes.get(minted)
    if (known !== undefined) return known
    const hash = hashIn(minted.token, provider.audience)
    hashes.set(minted, hash)
    return hash
  }
  return (ask: MintAsk, minted: Minted): Counted => {
    if (!minted.reusable) {
      const row = issuedRow(ask, minted, null)
      return { key: row.id, make: () => row }
    }
    const token_hash = hashOnce(ask, minted)
    return { key: keyOf(token_hash, ask.actor), make: () => issuedRow(ask, minted, token_hash) }
  }
}

/** One row for each server: an ID token is given to several (`forward_id_token`). */
export const hashIn = (token: string, audience: string): string => hashOf(`${token} ${audience}`)

/** Under what the uses of a token by one who asks are counted. */
export const keyOf = (token_hash: string, { kind, id }: Actor): string => `${token_hash} ${kind} ${id}`

const issuedRow = (ask: MintAsk, minted: Minted, token_hash: string | null): NewIssuance => ({
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
