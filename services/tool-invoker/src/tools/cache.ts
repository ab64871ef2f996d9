import { type FoundTool, findTool, providerChanges } from '@onbehalf/contracts'
import { type Bus, call, createLiveCache, type LiveCache, readFeed } from '@onbehalf/rpc'
import type { Acting } from '../calls/acting.ts'
import { standingOf } from '../providers/cache.ts'

type Wanted = { acting: Acting; server_identifier: string; tool: string; traceparent: string }

/** What the catalogue of a provider of the caller's tenant says of one name; `not_found` for other providers. */
export type Tools = Pick<LiveCache<Wanted, FoundTool>, 'hold' | 'use'> & {
  /** What `hold` finds, once mcp-provider has looked whether the server still has the tool as it was. */
  findAnew: (wanted: Wanted, outdatedHash: string) => Promise<FoundTool>
  close: () => void
}

const heldBytesMax = 128 * 1024 * 1024
const findMs = 5_000
// A listing is part of it.
const findAnewMs = 30_000
// An entry, and each value or name in its schemas, beside the text.
const [entryBytes, valueBytes] = [500, 16]

const weightOf = (text: string): number => entryBytes + text.length + valueBytes * (text.match(/[,:{[]/g)?.length ?? 0)

/** The tools that are called, held until mcp-provider says that their catalogue, or their provider, has changed. */
export const createTools = (bus: Bus): Tools => {
  const ask = async (
    { acting, server_identifier, tool, traceparent }: Wanted,
    more: { outdated_hash?: string },
    ms: number
  ): Promise<FoundTool> => {
    const request = { principal: await acting.ticket(), server_identifier, tool, ...more }
    const found = await call(bus, findTool, request, { deadlineAt: Date.now() + ms, traceparent })
    if (found.tenant_id === acting.principal.tenant_id) return found
    throw new Error('mcp-provider answered with a tool of another tenant')
  }
  const cache = createLiveCache<Wanted, FoundTool>({
    max: heldBytesMax,
    weightOf: ({ tool }) => weightOf(JSON.stringify(tool)),
    keyOf: ({ acting: { principal }, server_identifier, tool }) =>
      `${principal.tenant_id} ${standingOf(principal)} ${server_identifier} ${tool}`,
    load: (wanted) => ask(wanted, {}, findMs),
    tagsOf: ({ provider_id }) => [`provider:${provider_id}`, `tools:${provider_id}`]
  })
  const reader = readFeed(bus, providerChanges, {
    onChange: ({ kind, id }) => cache.dropTag(`${kind}:${id}`),
    onReset: cache.dropAll
  })
  return {
    hold: cache.hold,
    use: cache.use,
    findAnew: async (wanted, outdated_hash) => {
      cache.delete(wanted)
      return ask(wanted, { outdated_hash }, findAnewMs)
    },
    close: reader.close
  }
}
