import { findTool as findToolCall, listTools, type Principal, providerChanges } from '@onbehalf/contracts'
import { type Bus, readFeed, type Served, serve, type TicketReader } from '@onbehalf/rpc'
import { findTool } from './find.ts'
import type { FindTools } from './find-store.ts'
import { createToolPages } from './page.ts'
import type { ToolPages } from './page-store.ts'
import type { Relist } from './relist.ts'
import type { Watches } from './watches.ts'

type Tools = {
  tools: FindTools & ToolPages
  readPrincipal: TicketReader<Principal>
  watches: Pick<Watches, 'restart'>
  relist: Relist
}

/** The NATS edge of the catalogues. */
export const serveTools = (
  bus: Bus,
  tools: Tools,
  report: (failure: { subject: string; error: unknown }) => void
): Served[] => {
  const pages = createToolPages(tools)
  const reader = readFeed(bus, providerChanges, {
    onChange: ({ kind, id, tenant_id }) => {
      if (tenant_id) pages.dropTenant(tenant_id)
      else pages.dropAll()
      if (kind === 'provider') tools.watches.restart(id)
    },
    onReset: () => {
      pages.dropAll()
      tools.watches.restart()
    }
  })
  return [
    serve(bus, listTools, pages.find, report),
    serve(bus, findToolCall, (request) => findTool(tools, request), report),
    { stop: async () => reader.close() }
  ]
}
