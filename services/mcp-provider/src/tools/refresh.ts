import type { Asker } from '../asker.ts'
import type { Provider } from '../providers/provider.ts'
import type { ListTools } from './list.ts'
import type { ToolStore } from './store.ts'

export type RefreshTools = (provider: Provider, asker: Asker) => Promise<boolean>

/** Lists a provider's tools anew; false when the provider was changed meanwhile, and what was listed is not kept. */
export const createRefreshTools =
  (tools: { listTools: ListTools; tools: Pick<ToolStore, 'keep'>; publish: (id: string) => void }): RefreshTools =>
  async (provider, asker) => {
    const listing = await tools.listTools(provider, asker)
    const isKept = await tools.tools.keep(provider, listing)
    if (isKept) tools.publish(provider.id)
    return isKept
  }
