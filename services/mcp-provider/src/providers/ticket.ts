import { type ProviderStatement, providerTicket } from '@onbehalf/contracts'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import { audienceOf, modeOf, type Provider } from './provider.ts'

/** Says, for a minute, what a token for this provider would be for. */
export type SignProvider = (provider: Provider) => Promise<string>

export const createSignProvider =
  (signingKey: () => SigningKey): SignProvider =>
  async (provider) => {
    const key = signingKey()
    const { ticket } = await signTicket(providerTicket, statementOf(provider), { issuer: 'mcp-provider', key })
    return ticket
  }

// The audience is the URL, or another resource, byte for byte: a parsed and printed one may differ.
const statementOf = ({ id, tenant_id, revision, settings }: Provider): ProviderStatement => ({
  tenant_id,
  provider_id: id,
  revision,
  server_identifier: settings.server_identifier,
  audience: audienceOf(settings),
  mode: modeOf(settings),
  scopes: [],
  ...(settings.forward_id_token ? { forward_id_token: true } : {})
})
