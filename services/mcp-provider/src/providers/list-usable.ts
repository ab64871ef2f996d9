import type { Principal } from '@onbehalf/contracts'
import type { TicketReader } from '@onbehalf/rpc'
import { sightOf } from './sight.ts'
import type { ProviderStore } from './store.ts'

type Tools = { providers: Pick<ProviderStore, 'usable'>; readPrincipal: TicketReader<Principal> }
type Asked = { principal: string; cursor?: string; limit: number }

/** A page of the identifiers of the providers that the principal may use. */
export const listUsable = async ({ providers, readPrincipal }: Tools, { principal, cursor = '', limit }: Asked) => {
  const sight = sightOf(await readPrincipal(principal))
  const rows = await providers.usable(sight, { after: cursor, limit: limit + 1 })
  const data = rows.slice(0, limit)
  return { data, next_cursor: rows.length > limit ? (data.at(-1)?.server_identifier ?? null) : null }
}
