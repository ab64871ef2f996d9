import type { FoundTool, ProviderSettings } from '@onbehalf/contracts'
import type { MintedToken } from '@onbehalf/mcp'
import type { Held } from '@onbehalf/rpc'
import type { FoundCredential } from '../credentials/cache.ts'
import type { ResolvedProvider } from '../providers/cache.ts'

/** A tool of a server; '' where the server is asked something else than to run one. */
export type Called = { server_identifier: string; tool: string }

/** What a call rested on. Each is used only while its cache still holds it, and the last two only for `settings`. */
export type RestedOn = {
  readonly called: Called
  readonly provider: Held<ResolvedProvider>
  readonly found: Held<FoundTool> | undefined
  settings: ProviderSettings | undefined
  minted: Held<MintedToken> | undefined
  credential: Held<FoundCredential> | undefined
}

// What somebody calls in half a minute is far less, unless there is no limit on it.
const keptMax = 100_000

/**
 * What the calls rested on that were made for one, kept with them: the next call of the same tool finds all of it without a
 * key, and one of another tool by one key. What no cache holds any more has no value; its place here goes with whom it was
 * for, who is resolved anew within half a minute.
 */
export class Rests {
  private last: RestedOn | undefined
  /** Not there before a second tool is called. */
  private all: Map<string, RestedOn> | undefined

  find(called: Called): RestedOn | undefined {
    const { last, all } = this
    if (last && isSame(last.called, called)) return last
    const found = all?.get(keyOf(called))
    if (found) this.last = found
    return found
  }

  /** In place of what the last call of the same tool rested on. */
  keep(called: Called, provider: Held<ResolvedProvider>, found: Held<FoundTool> | undefined): RestedOn {
    const { last } = this
    const rested = { called, provider, found, settings: undefined, minted: undefined, credential: undefined }
    this.last = rested
    if (!this.all && last && !isSame(last.called, called)) this.all = new Map([[keyOf(last.called), last]])
    if (this.all?.size === keptMax) this.all.clear()
    this.all?.set(keyOf(called), rested)
    return rested
  }
}

const isSame = (one: Called, other: Called): boolean =>
  one.tool === other.tool && one.server_identifier === other.server_identifier

// An identifier has no space.
const keyOf = ({ server_identifier, tool }: Called): string => `${server_identifier} ${tool}`
