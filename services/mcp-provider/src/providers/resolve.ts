import { type Principal, type ProviderSettings, principalTicket } from '@onbehalf/contracts'
import { type FindKey, verifyTicket } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import { noSuchProvider } from './problems.ts'
import { modeOf, type Provider } from './provider.ts'
import { openProvider } from './secrets.ts'
import type { ProviderStore } from './store.ts'
import type { SignProvider } from './ticket.ts'

type Tools = {
  providers: Pick<ProviderStore, 'findByIdentifier'>
  vault: Pick<Vault, 'open'>
  findKey: FindKey
  signProvider: SignProvider
}

/** How to reach a provider of the principal's tenant, and a ticket that says what a token for it is for. */
export const resolve = async (
  { providers, vault, findKey, signProvider }: Tools,
  { principal: ticket, server_identifier }: { principal: string; server_identifier: string }
): Promise<{ settings: ProviderSettings; ticket: string }> => {
  const principal = await verifyTicket(principalTicket, ticket, { findKey })
  const row = isMember(principal) ? await providers.findByIdentifier(principal.tenant_id, server_identifier) : undefined
  if (!row) throw noSuchProvider()
  const provider = await openProvider(vault, row)
  return { settings: settingsFor(provider), ticket: await signProvider(provider) }
}

/** No provider can be marked for external users yet, so they find none. */
const isMember = (principal: Principal): boolean => principal.kind === 'app' || principal.role !== null

const settingsFor = ({ id, tenant_id, revision, settings }: Provider): ProviderSettings => {
  const { server_identifier, name, server_url, headers, timeout, sse_read_timeout } = settings
  const facts = { provider_id: id, tenant_id, revision, mode: modeOf(settings), audience: server_url }
  return { ...facts, server_identifier, name, server_url, headers, timeout, sse_read_timeout }
}
