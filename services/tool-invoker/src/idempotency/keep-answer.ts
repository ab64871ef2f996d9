import { LRUCache } from 'lru-cache'
import type { IdempotencyStore } from './store.ts'

type Store = Pick<IdempotencyStore, 'finish' | 'dropOldest'>

/** How much of what a tenant may have comes through here before the oldest are looked for. */
const part = 1 / 16
const tenantsMax = 10_000

/** Keeps answers, so many bytes of each tenant and a little more: no tenant fills the table. */
export const createKeepAnswer = ({ finish, dropOldest }: Store, bytesMax: number): IdempotencyStore['finish'] => {
  const kept = new LRUCache<string, number>({ max: tenantsMax })
  return async (place, answer) => {
    await finish(place, answer)
    if (!answer) return
    const { tenant_id } = place
    // What there was before this process began, or what others keep, nobody counted here.
    const bytes = (kept.get(tenant_id) ?? bytesMax) + answer.byteLength
    const isDue = bytes >= bytesMax * part
    kept.set(tenant_id, isDue ? 0 : bytes)
    if (isDue) await dropOldest(tenant_id, bytesMax)
  }
}
