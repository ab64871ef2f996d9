import type { ApiKey } from '../database.ts'
import type { ApiKeyStore } from './store.ts'

const coarsenessMs = 60_000

/** Notes the use of a key, at most once a minute and without anybody waiting for it. */
export type TouchKey = (key: Pick<ApiKey, 'id' | 'last_used_at'>) => void

export const createTouch = (apiKeys: Pick<ApiKeyStore, 'touch'>, report: (error: unknown) => void): TouchKey => {
  const writing = new Set<string>()
  return ({ id, last_used_at }) => {
    const isFresh = last_used_at !== null && Date.now() - last_used_at.getTime() < coarsenessMs
    if (isFresh || writing.has(id)) return
    writing.add(id)
    // Owned by the pool, which ends its queries before it closes.
    void apiKeys
      .touch(id)
      .catch(report)
      .finally(() => writing.delete(id))
  }
}
