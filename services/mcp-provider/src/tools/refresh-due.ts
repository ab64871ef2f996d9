import type { Vault } from '@onbehalf/vault'
import type { Publish } from '../providers/desk.ts'
import type { Provider } from '../providers/provider.ts'
import { openProvider } from '../providers/secrets.ts'
import type { OpenRow } from '../providers/store.ts'
import type { DueStore } from './due-store.ts'
import { nobodyOf } from './identity.ts'
import type { ListTools } from './list.ts'
import { detailsOf } from './refresh.ts'
import type { ToolStore } from './store.ts'
import type { Listing } from './tool.ts'

type Tools = {
  vault: Pick<Vault, 'open'>
  tools: Pick<ToolStore, 'keep'>
  due: Pick<DueStore, 'markStale'>
  listTools: ListTools
  publish: Publish
  now: () => number
}

const wantsSomebody = 'The server wants to know who asks, so the last list is kept until an administrator refreshes it.'

/** Lists a provider's tools because it is time, as nobody: where that is not enough the last list is kept, as stale. */
export const createRefreshDue =
  (needs: Tools) =>
  async (row: OpenRow): Promise<void> => {
    const provider = await openProvider(needs.vault, row)
    const listing = await needs.listTools(provider, nobodyOf(provider, needs.now()))
    if (listing.tools_status === 'needs_identity') await needs.due.markStale(provider, wantsSomebody)
    else await keep(needs, provider, listing)
  }

const keep = async ({ tools, publish }: Tools, provider: Provider, listing: Listing): Promise<void> => {
  const { id, tenant_id } = provider
  const diff = await tools.keep(provider, listing, (changed) =>
    isEmpty(changed)
      ? undefined
      : {
          ...{ tenant_id, actor: { kind: 'system' }, action: 'provider.tools_refreshed' },
          ...{ subject: { kind: 'provider', id }, details: detailsOf(listing, changed) }
        }
  )
  if (diff && (!isEmpty(diff) || provider.tools_status !== 'fresh')) publish(provider)
}

const isEmpty = (changed: object): boolean => Object.values(changed).every((names) => names.length === 0)
