import { randomUUID } from 'node:crypto'
import {
  listAudiences,
  listProviderKeys,
  type Principal,
  type ProviderChange,
  type ProviderSettings,
  providerChanges,
  providerTicket,
  resolveProvider
} from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, serve, signTicket, writeFeed } from '@onbehalf/rpc'
import { decodeJwt } from 'jose'
import { makeKeyPair } from './keys.ts'

/** A registered provider; what is left out is made up. Forwarding is on exactly when `mode` is not `off`. */
export type GivenProvider = Partial<ProviderSettings> & Pick<ProviderSettings, 'server_url'>

export type PlayedMcpProvider = {
  register: (provider: GivenProvider) => ProviderSettings
  /** Changes a provider, raises its revision and tells everybody. */
  update: (providerId: string, change: Partial<ProviderSettings>) => ProviderSettings
  /** How often one was asked for. */
  asked: () => number
  /** The ticket that goes with a provider. */
  ticketFor: (settings: ProviderSettings) => Promise<string>
  change: (...changes: ProviderChange[]) => void
  close: () => Promise<void>
}

/** mcp-provider as the other services see it on the bus: `bus` is connected as mcp-provider. */
export const playMcpProvider = async (bus: Bus): Promise<PlayedMcpProvider> => {
  const key = await makeKeyPair()
  const providers = new Map<string, ProviderSettings>()
  const feed = writeFeed(bus, providerChanges)
  let asked = 0

  const served = [
    serve(bus, listProviderKeys, async () => ({ ticket: [key.publicKey], session: [] })),
    serve(bus, listAudiences, async ({ tenant_id }) => {
      const forwarding = [...providers.values()].filter((one) => one.tenant_id === tenant_id && one.mode !== 'off')
      return {
        audiences: forwarding.map(({ audience, mode, server_identifier, name }) => ({
          audience,
          mode,
          server_identifier,
          name
        }))
      }
    }),
    serve(bus, resolveProvider, async ({ principal, server_identifier }) => {
      asked += 1
      const { tenant_id } = principalOf(principal)
      const settings = [...providers.values()].find(
        (one) => one.tenant_id === tenant_id && one.server_identifier === server_identifier
      )
      if (!settings) throw new ReportedError('not_found', `There is no provider "${server_identifier}".`)
      return { settings, ticket: await ticketOf(settings, key) }
    })
  ]

  return {
    register: (given) => {
      const settings = complete(given)
      providers.set(settings.provider_id, settings)
      return settings
    },
    update: (providerId, change) => {
      const known = providers.get(providerId)
      if (!known) throw new Error('no such provider')
      const settings = { ...known, ...change, revision: known.revision + 1 }
      providers.set(providerId, settings)
      feed.publish({ kind: 'provider', id: providerId })
      return settings
    },
    asked: () => asked,
    ticketFor: (settings) => ticketOf(settings, key),
    change: feed.publish,
    close: async () => {
      feed.close()
      await Promise.all(served.map(({ stop }) => stop()))
    }
  }
}

/** Who a principal ticket speaks of; a played service believes what it is shown. */
export const principalOf = (ticket: string): Principal => {
  const { statement } = decodeJwt<{ statement: Principal }>(ticket)
  return statement
}

const complete = (given: GivenProvider): ProviderSettings => ({
  provider_id: randomUUID(),
  tenant_id: randomUUID(),
  revision: 1,
  server_identifier: `server-${randomUUID().slice(0, 8)}`,
  name: 'A server',
  headers: {},
  mode: 'off',
  audience: given.server_url,
  timeout: 30,
  sse_read_timeout: 300,
  ...given
})

const ticketOf = async (settings: ProviderSettings, key: Awaited<ReturnType<typeof makeKeyPair>>): Promise<string> => {
  const { tenant_id, provider_id, revision, server_identifier, audience, mode } = settings
  const statement = { tenant_id, provider_id, revision, server_identifier, audience, mode, scopes: [] }
  const { ticket } = await signTicket(providerTicket, statement, { issuer: 'mcp-provider', key: key.signingKey })
  return ticket
}
