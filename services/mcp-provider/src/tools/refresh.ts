import type { Asker } from '../asker.ts'
import type { Publish } from '../providers/desk.ts'
import { providerEvent } from '../providers/event.ts'
import type { Provider } from '../providers/provider.ts'
import type { Diff } from './diff.ts'
import type { ListTools } from './list.ts'
import type { ToolStore } from './store.ts'
import type { Listing } from './tool.ts'

export type RefreshTools = (provider: Provider, asker: Asker) => Promise<boolean>

/** Lists a provider's tools anew; false when the provider was changed meanwhile, and what was listed is not kept. */
export const createRefreshTools =
  (tools: { listTools: ListTools; tools: Pick<ToolStore, 'keep'>; publish: Publish }): RefreshTools =>
  async (provider, asker) => {
    const listing = await tools.listTools(provider, asker)
    const kept = await tools.tools.keep(provider, listing, (diff) =>
      providerEvent(asker, 'tools_refreshed', provider.id, detailsOf(listing, diff))
    )
    if (kept) tools.publish(provider)
    return kept !== undefined
  }

const namesMax = 100

/** What a listing brought, for the record of changes: how many, and by name what is another than before. */
export const detailsOf = (listing: Listing, diff: Diff) => ({
  tools_status: listing.tools_status,
  ...('tools' in listing ? { tools: listing.tools.length, left_out: listing.listed - listing.tools.length } : {}),
  ...Object.fromEntries(
    Object.entries(diff).flatMap(([what, names]) => (names.length > 0 ? [[what, names.slice(0, namesMax)]] : []))
  )
})
