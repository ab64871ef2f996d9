import {
  isExternal,
  type Principal,
  type ProviderSettings,
  providerChanges,
  resolveProvider
} from '@onbehalf/contracts'
import { type Bus, call, createLiveCache, type LiveCache, readFeed } from '@onbehalf/rpc'
import type { Acting } from '../calls/acting.ts'

/** How to reach a provider, and mcp-provider's signed word on what a token for it is for. */
export type ResolvedProvider = { settings: ProviderSettings; ticket: string }

type Wanted = { acting: Acting; server_identifier: string; traceparent: string }

export type Providers = Pick<LiveCache<Wanted, ResolvedProvider>, 'hold' | 'use'> & {
  /** The provider of the caller's tenant; `not_found` for everybody else's. */
  find: (wanted: Wanted) => Promise<ResolvedProvider>
  close: () => void
}

const heldMax = 100_000
const resolveMs = 5_000

/** The providers calls are made to, held until mcp-provider says that one has changed. */
export const createProviders = (bus: Bus): Providers => {
  const cache = createLiveCache<Wanted, ResolvedProvider>({
    max: heldMax,
    keyOf,
    load: async ({ acting, server_identifier, traceparent }) => {
      const request = { principal: await acting.ticket(), server_identifier }
      const found = await call(bus, resolveProvider, request, { deadlineAt: Date.now() + resolveMs, traceparent })
      if (found.settings.tenant_id === acting.principal.tenant_id) return found
      throw new Error('mcp-provider answered with a provider of another tenant')
    },
    tagsOf: ({ settings }) => [`provider:${settings.provider_id}`]
  })
  const reader = readFeed(bus, providerChanges, {
    onChange: ({ kind, id }) => cache.dropTag(`${kind}:${id}`),
    onReset: cache.dropAll
  })
  return { find: cache.get, hold: cache.hold, use: cache.use, close: reader.close }
}

const keyOf = ({ acting: { principal }, server_identifier }: Wanted): string =>
  `${principal.tenant_id} ${standingOf(principal)} ${server_identifier}`

/** Who is not a member may be refused what a member gets, so the answer to one is not held for the other. */
export const standingOf = (principal: Principal): string => (isExternal(principal) ? 'external' : principal.kind)
