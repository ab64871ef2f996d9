import type { OpenRow, ProviderStore } from '../providers/store.ts'

type Tools = {
  providers: Pick<ProviderStore, 'find'>
  /** Lists one as nobody; what goes wrong with its server is no error. */
  refresh: (row: OpenRow) => Promise<void>
  now: () => number
}

/** Lists a provider's tools because a call found them outdated; callers at once share one listing. */
export type Relist = (tenant_id: string, id: string) => Promise<void>

// A server may say that of every call.
const gapMs = 5_000

export const createRelist = ({ providers, refresh, now }: Tools): Relist => {
  const running = new Map<string, Promise<void>>()
  const relist = async (tenant_id: string, id: string): Promise<void> => {
    const row = await providers.find(tenant_id, id)
    if (row && now() - (row.tools_listed_at?.getTime() ?? 0) >= gapMs) await refresh(row)
  }
  return (tenant_id, id) => {
    const joined = running.get(id)
    if (joined !== undefined) return joined
    const work = relist(tenant_id, id).finally(() => running.delete(id))
    running.set(id, work)
    return work
  }
}
