import type { FoundTool, ProviderSettings } from '@onbehalf/contracts'
import type { MintedToken } from '@onbehalf/mcp'
import type { Held } from '@onbehalf/rpc'
import type { FoundCredential } from '../credentials/cache.ts'
import type { ResolvedProvider } from '../providers/cache.ts'

/**
 * What a call rested on: of a tool, or with '' of a server that was asked something else. Each is used only while its
 * cache still holds it, and the last two only for `settings`.
 */
export type RestedOn = {
  readonly server_identifier: string
  readonly tool: string
  readonly provider: Held<ResolvedProvider>
  readonly found: Held<FoundTool> | undefined
  settings: ProviderSettings | undefined
  minted: Held<MintedToken> | undefined
  credential: Held<FoundCredential> | undefined
}

// As many as there are providers held.
const keptMax = 100_000

/**
 * What the calls rested on that were made for one, kept with them: the next call of the same tool finds all of it without a
 * key, and one of another tool by one key. What no cache holds any more goes with the next call of its tool, or with whom it
 * was for, which is within half a minute.
 */
export class Rests {
  private last: RestedOn | undefined
  /** Not there before a second tool is called. */
  private all: Map<string, RestedOn> | undefined

  find(server_identifier: string, tool: string): RestedOn | undefined {
    const { last, all } = this
    if (last?.tool === tool && last.server_identifier === server_identifier) return last
    const found = all?.get(keyOf(server_identifier, tool))
    if (found) this.last = found
    return found
  }

  /** In place of what the last call of the same tool rested on. */
  keep(rested: RestedOn): void {
    const { last } = this
    this.last = rested
    const key = keyOf(rested.server_identifier, rested.tool)
    const lastKey = last && keyOf(last.server_identifier, last.tool)
    if (!this.all && (lastKey === undefined || lastKey === key)) return
    this.all ??= new Map()
    if (this.all.size >= keptMax) this.all.clear()
    if (last && lastKey !== undefined) this.all.set(lastKey, last)
    this.all.set(key, rested)
  }
}

// An identifier has no space.
const keyOf = (server_identifier: string, tool: string): string => `${server_identifier} ${tool}`
