import type { Asker } from '../asker.ts'
import { providerEvent } from '../providers/event.ts'
import type { Provider } from '../providers/provider.ts'
import type { ListTools } from './list.ts'
import type { ToolStore } from './store.ts'
import type { Listing } from './tool.ts'

export type RefreshTools = (provider: Provider, asker: Asker) => Promise<boolean>

/** Lists a provider's tools anew; false when the provider was changed meanwhile, and what was listed is not kept. */
export const createRefreshTools =
  (tools: { listTools: ListTools; tools: Pick<ToolStore, 'keep'>; publish: (id: string) => void }): RefreshTools =>
  async (provider, asker) => {
    const listing = await tools.listTools(provider, asker)
    const isKept = await tools.tools.keep(provider, listing, eventOf(provider, listing, asker))
    if (isKept) tools.publish(provider.id)
    return isKept
  }

const eventOf = ({ id }: Provider, listing: Listing, asker: Asker) =>
  providerEvent(asker, 'tools_refreshed', id, {
    tools_status: listing.tools_status,
    ...('tools' in listing ? { tools: listing.tools.length } : {})
  })
