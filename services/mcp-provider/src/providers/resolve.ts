import type { Principal, ProviderSettings } from '@onbehalf/contracts'
import type { TicketReader } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import { noSuchProvider, notForExternals } from './problems.ts'
import { audienceOf, modeOf, type Provider } from './provider.ts'
import { openProvider } from './secrets.ts'
import { sightOf } from './sight.ts'
import type { ProviderStore } from './store.ts'
import type { SignProvider } from './ticket.ts'

type Tools = {
  providers: Pick<ProviderStore, 'findByIdentifier'>
  vault: Pick<Vault, 'open'>
  readPrincipal: TicketReader<Principal>
  signProvider: SignProvider
}

/** How to reach a provider of the principal's tenant, and a ticket that says what a token for it is for. */
export const resolve = async (
  { providers, vault, readPrincipal, signProvider }: Tools,
  { principal: ticket, server_identifier }: { principal: string; server_identifier: string }
): Promise<{ settings: ProviderSettings; ticket: string }> => {
  const principal = await readPrincipal(ticket)
  const { tenant_id, isExternal } = sightOf(principal)
  const row = await providers.findByIdentifier(tenant_id, server_identifier)
  if (!row) throw noSuchProvider()
  if (isExternal && !row.external) throw principal.kind === 'app' ? notForExternals(row.name) : noSuchProvider()
  const provider = await openProvider(vault, row)
  return { settings: settingsFor(provider), ticket: await signProvider(provider) }
}

const settingsFor = ({ id, tenant_id, revision, settings }: Provider): ProviderSettings => {
  const { server_identifier, name, server_url, headers, timeout, sse_read_timeout, keep_arguments } = settings
  const facts = { provider_id: id, tenant_id, revision, mode: modeOf(settings), audience: audienceOf(settings) }
  return { ...facts, server_identifier, name, server_url, headers, timeout, sse_read_timeout, keep_arguments }
}
