import type { Asked, Locate } from '../sign-in/authorization-url.ts'
import { sidesOf } from './addresses.ts'
import type { SamlExchanges } from './exchanges.ts'
import { serviceProvider } from './service-provider.ts'
import { samlOf } from './settings.ts'

export type AskBySamlNeeds = { samlExchanges: Pick<SamlExchanges, 'begin'>; publicUrl: string }

/** The AuthnRequest, by the redirect binding (SAML bindings §3.4); RelayState is the state of the sign-in. */
export const askBySaml = async (
  { samlExchanges, publicUrl }: AskBySamlNeeds,
  { tenant, connection, isSwitch, max_age }: Asked
): Promise<Locate> => {
  const settings = samlOf(connection)
  const sides = sidesOf(publicUrl, tenant, connection)
  return async ({ state }) => {
    const requestId = await samlExchanges.begin(state, { tenant_id: tenant.id, connection_id: connection.id })
    const asking = await serviceProvider(settings, sides, { requestId, isForced: isSwitch || max_age !== undefined })
    return asking.getAuthorizeUrlAsync(state, undefined, {})
  }
}
