import type { FoundTool, ProviderSettings } from '@onbehalf/contracts'
import type { MintedToken } from '@onbehalf/mcp'
import type { Held } from '@onbehalf/rpc'
import type { FoundCredential } from '../credentials/cache.ts'
import type { ResolvedProvider } from '../providers/cache.ts'

/**
 * What a call rested on, kept with the one it was made for: the next call that is made for them of the same tool finds
 * it there without a key. Each is used only while its cache still holds it, and the last two only for `settings`; what no cache
 * holds any more goes with the next call, or with whom it was for.
 */
export type RestedOn = {
  provider?: Held<ResolvedProvider>
  tool?: Held<FoundTool>
  settings?: ProviderSettings
  minted?: Held<MintedToken>
  credential?: Held<FoundCredential>
}
