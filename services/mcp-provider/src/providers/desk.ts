import type { Vault } from '@onbehalf/vault'
import type { TryTools } from '../tools/list.ts'
import type { RefreshTools } from '../tools/refresh.ts'
import type { ToolStore } from '../tools/store.ts'
import type { CheckReachable } from './check.ts'
import type { ProviderPages } from './page-store.ts'
import type { ProviderStore } from './store.ts'

/** What the registry works with; every verb names the part it uses. */
export type Desk = {
  providers: ProviderStore & ProviderPages
  tools: Pick<ToolStore, 'of' | 'ofMany' | 'sizesOf' | 'approve'>
  vault: Pick<Vault, 'seal' | 'open'>
  checkReachable: CheckReachable
  refreshTools: RefreshTools
  tryTools: TryTools
  /** Tells everybody that a provider was changed; after the commit. */
  publish: Publish
  /** Tells everybody that what may be called of a provider was changed; after the commit. */
  publishTools: Publish
  /** Has what was dropped taken back where it was given; after the commit. */
  revokeDropped: (tenant_id: string) => void
}

export type Publish = (changed: { id: string; tenant_id: string }) => void
