import { randomUUID } from 'node:crypto'
import {
  findAuthorization,
  listAudiences,
  listProviderKeys,
  type Principal,
  type ProviderAuthorization,
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

/** What of a provider only identity-broker hears. */
type Hidden = { forward_id_token?: boolean; authorization?: ProviderAuthorization }

/** A registered provider; what is left out is made up. Forwarding is on exactly when `mode` is not `off`. */
export type GivenProvider = Partial<ProviderSettings> & Pick<ProviderSettings, 'server_url'> & Hidden

export type PlayedMcpProvider = {
  register: (provider: GivenProvider) => ProviderSettings
  /** Changes a provider, raises its revision and tells everybody. */
  update: (providerId: string, change: Partial<ProviderSettings>) => ProviderSettings
  /** Removes a provider and tells everybody. */
  remove: (providerId: string) => void
  /** Changes what only identity-broker hears of a provider. */
  hide: (providerId: string, hidden: Hidden) => void
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
  const hidden = new Map<string, Hidden>()
  const ticketFor = (settings: ProviderSettings) => ticketOf(settings, hidden.get(settings.provider_id) ?? {}, key)
  const feed = writeFeed(bus, providerChanges)
  let asked = 0

  const served = [
    serve(bus, listProviderKeys, async () => ({ ticket: [key.publicKey], session: [] })),
    serve(bus, listAudiences, async ({ tenant_id }) => {
      const forwarding = [...providers.values()].filter((one) => one.tenant_id === tenant_id && one.mode !== 'off')
      return {
        audiences: forwarding.map(({ provider_id, audience, mode, server_identifier, name }) => ({
          ...{ provider_id, audience, mode, server_identifier, name },
          forward_id_token: hidden.get(provider_id)?.forward_id_token ?? false
        }))
      }
    }),
    serve(bus, findAuthorization, async ({ tenant_id, provider_id }) => {
      const authorization = hidden.get(provider_id)?.authorization
      const settings = providers.get(provider_id)
      if (settings?.tenant_id === tenant_id && settings.mode === 'id_jag' && authorization) return authorization
      throw new ReportedError('not_found', 'There is no such provider.')
    }),
    serve(bus, resolveProvider, async ({ principal, server_identifier }) => {
      asked += 1
      const { tenant_id } = principalOf(principal)
      const settings = [...providers.values()].find(
        (one) => one.tenant_id === tenant_id && one.server_identifier === server_identifier
      )
      if (!settings) throw new ReportedError('not_found', `There is no provider "${server_identifier}".`)
      return { settings, ticket: await ticketFor(settings) }
    })
  ]

  return {
    register: ({ forward_id_token = false, authorization, ...given }) => {
      const settings = complete(given)
      providers.set(settings.provider_id, settings)
      hidden.set(settings.provider_id, { forward_id_token, ...(authorization ? { authorization } : {}) })
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
    remove: (providerId) => {
      providers.delete(providerId)
      feed.publish({ kind: 'provider', id: providerId })
    },
    hide: (providerId, change) => hidden.set(providerId, { ...hidden.get(providerId), ...change }),
    asked: () => asked,
    ticketFor,
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

const complete = (given: Omit<GivenProvider, keyof Hidden>): ProviderSettings => ({
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

const ticketOf = async (
  { tenant_id, provider_id, revision, server_identifier, audience, mode }: ProviderSettings,
  { forward_id_token = false }: Hidden,
  key: Awaited<ReturnType<typeof makeKeyPair>>
): Promise<string> => {
  const statement = {
    ...{ tenant_id, provider_id, revision, server_identifier, audience, mode, scopes: [] },
    ...(forward_id_token ? { forward_id_token } : {})
  }
  const { ticket } = await signTicket(providerTicket, statement, { issuer: 'mcp-provider', key: key.signingKey })
  return ticket
}
