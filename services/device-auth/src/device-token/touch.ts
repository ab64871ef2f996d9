import type { HeldToken, TokenStore } from './store.ts'

const coarsenessMs = 60_000

/** Notes the use of a token, at most once a minute and without anybody waiting for it. */
export type Touch = (token: Pick<HeldToken, 'id' | 'last_used_at'>) => void

export const createTouch = (tokens: Pick<TokenStore, 'touch'>, report: (error: unknown) => void): Touch => {
  const writing = new Set<string>()
  return ({ id, last_used_at }) => {
    const isFresh = last_used_at !== null && Date.now() - last_used_at.getTime() < coarsenessMs
    if (isFresh || writing.has(id)) return
    writing.add(id)
    // Owned by the pool, which ends its queries before it closes.
    void tokens
      .touch(id)
      .catch(report)
      .finally(() => writing.delete(id))
  }
}
