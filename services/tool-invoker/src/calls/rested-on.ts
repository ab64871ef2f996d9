import type { FoundTool, ProviderSettings } from '@onbehalf/contracts'
import type { MintedToken } from '@onbehalf/mcp'
import type { Held } from '@onbehalf/rpc'
import type { FoundCredential } from '../credentials/cache.ts'
import type { ResolvedProvider } from '../providers/cache.ts'

/**
 * What a call to a provider rested on: the next one of the same tool finds it there without a key. Each is used only while
 * its cache still holds it, and the last two only for `settings`.
 */
export type RestedOn = {
  provider: Held<ResolvedProvider>
  tool?: Held<FoundTool> | undefined
  settings?: ProviderSettings
  minted?: Held<MintedToken> | undefined
  credential?: Held<FoundCredential> | undefined
}

/**
 * What the calls of one caller rested on, for each provider they went to; kept with the one they were made for. What no
 * cache holds any more goes with the next call to that provider, or with whom it was for.
 */
export class RestedOns {
  private last: RestedOn | undefined
  /** Not there before a second provider was called: most callers have one. */
  private all: Map<string, RestedOn> | undefined

  of(server_identifier: string): RestedOn | undefined {
    if (this.last && identifierOf(this.last) === server_identifier) return this.last
    const known = this.all?.get(server_identifier)
    if (known) this.last = known
    return known
  }

  keep(rested: RestedOn): void {
    if (this.last && identifierOf(this.last) !== identifierOf(rested)) {
      this.all ??= new Map([[identifierOf(this.last), this.last]])
    }
    this.all?.set(identifierOf(rested), rested)
    this.last = rested
  }
}

const identifierOf = ({ provider }: RestedOn): string => provider.value.settings.server_identifier
