import { randomUUID } from 'node:crypto'
import {
  type CatalogueTool,
  type FreshCredential,
  findAuthorization,
  findTool,
  freshCredential,
  listAudiences,
  listProviderKeys,
  listProviders,
  listTools,
  type Principal,
  type ProviderAuthorization,
  type ProviderChange,
  type ProviderSettings,
  providerChanges,
  providerTicket,
  resolveProvider,
  type ToolDecoration
} from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, serve, signTicket, writeFeed } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { decodeJwt } from 'jose'
import { until } from '../until.ts'
import { makeKeyPair } from './keys.ts'

/** What of a provider only identity-broker hears, and its tools; without them its server was never listed. */
type Hidden = {
  scopes?: string[]
  forward_id_token?: boolean
  /** Whether it is marked for external users; null from a replica that does not tell yet. */
  external?: boolean | null
  authorization?: ProviderAuthorization
  tools?: PlayedTool[]
  /** What its server has by now, as is found once somebody says that a tool is outdated. */
  relisted?: PlayedTool[]
  isReviewed?: boolean
}

/** A tool of a catalogue; what is left out is made up, and it is approved. */
export type PlayedTool = Partial<CatalogueTool> &
  ToolDecoration &
  Pick<CatalogueTool, 'name'> & { is_approved?: boolean }

/** A registered provider; what is left out is made up. Forwarding is on exactly when `mode` is not `off`. */
export type GivenProvider = Partial<ProviderSettings> & Pick<ProviderSettings, 'server_url'> & Hidden

/** One question for a credential, as mcp-provider understands it. */
export type AskedCredential = {
  provider_id: string
  user_id: string | null
  refused?: { status: number; challenge?: string; token_hash?: string }
}

export type PlayedMcpProvider = {
  register: (provider: GivenProvider) => ProviderSettings
  /** Changes a provider, raises its revision and tells everybody. */
  update: (providerId: string, change: Partial<ProviderSettings>) => ProviderSettings
  /** Removes a provider and tells everybody. */
  remove: (providerId: string) => void
  /** Gives a provider another catalogue and tells everybody. */
  listAs: (providerId: string, tools: PlayedTool[]) => void
  /** Changes what only identity-broker hears of a provider. */
  hide: (providerId: string, hidden: Hidden) => void
  /** How often one was asked for. */
  asked: () => number
  /** How often a tool was asked for. */
  toolsAsked: () => number
  /** How credentials are answered from now on: what is thrown is the refusal; none at first. */
  answerCredentials: (answer: (asked: AskedCredential) => FreshCredential | null) => void
  /** Every question for a credential. */
  credentialsAsked: () => AskedCredential[]
  /** The ticket that goes with a provider. */
  ticketFor: (settings: ProviderSettings) => Promise<string>
  change: (...changes: ProviderChange[]) => void
  /** Answers no question of a kind until `release`: for the list of providers, or for one. `asked` is when one waits. */
  hold: (kind: 'lists' | 'finds') => { asked: Promise<void>; release: () => void }
  /** Nobody answers until `comeBack`. */
  leave: () => Promise<void>
  /** Waits until questions find it: after `leave`, or after NATS was gone. */
  comeBack: () => Promise<void>
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
  let toolsAsked = 0
  const credentialsAsked: AskedCredential[] = []
  const held = new Map<'lists' | 'finds', () => Promise<void>>()
  let answerCredential: (asked: AskedCredential) => FreshCredential | null = () => null
  const ofTenant = (tenant_id: string) => [...providers.values()].filter((one) => one.tenant_id === tenant_id)
  const findProvider = (principal: string, server_identifier: string): ProviderSettings => {
    const { tenant_id } = principalOf(principal)
    const settings = ofTenant(tenant_id).find((one) => one.server_identifier === server_identifier)
    if (settings) return settings
    throw new ReportedError('not_found', `There is no provider "${server_identifier}".`)
  }

  const answer = () => [
    serve(bus, listProviderKeys, async () => ({ ticket: [key.publicKey], session: [] })),
    serve(bus, listAudiences, async ({ tenant_id, audience: wanted }) => {
      const forwarding = ofTenant(tenant_id).filter(({ mode }) => mode !== 'off')
      const at = (one = '') => ofTenant(tenant_id).filter(({ audience }) => audience === one)
      const exact = at(wanted)
      const there = exact.length > 0 ? exact : at(wanted?.endsWith('/') ? wanted.slice(0, -1) : `${wanted}/`)
      const marks = there.map(({ provider_id }) => hidden.get(provider_id)?.external)
      const is_for_members = marks.length > 0 && !marks.includes(true)
      return {
        ...(wanted === undefined || marks.includes(null) ? {} : { is_for_members }),
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
    serve(bus, freshCredential, async ({ principal, provider, refused }) => {
      const { provider_id } = decodeJwt<{ statement: { provider_id: string } }>(provider).statement
      const { user_id } = principalOf(principal)
      const asked = { provider_id, user_id, ...(refused ? { refused } : {}) }
      credentialsAsked.push(asked)
      return { credential: answerCredential(asked) }
    }),
    serve(bus, resolveProvider, async ({ principal, server_identifier }) => {
      asked += 1
      await held.get('finds')?.()
      const settings = findProvider(principal, server_identifier)
      return { settings, ticket: await ticketFor(settings) }
    }),
    serve(bus, findTool, async ({ principal, server_identifier, tool: name, outdated_hash }) => {
      toolsAsked += 1
      const { provider_id, tenant_id } = findProvider(principal, server_identifier)
      const { relisted, ...before } = hidden.get(provider_id) ?? {}
      if (outdated_hash && relisted) hidden.set(provider_id, { ...before, tools: relisted })
      const { tools, isReviewed = false } = hidden.get(provider_id) ?? {}
      const played = tools?.find((one) => one.name === name)
      const facts = { provider_id, tenant_id, is_listed: tools !== undefined }
      return { ...facts, tool: played ? toolOf(played) : null, is_approved: played?.is_approved ?? !isReviewed }
    }),
    serve(bus, listProviders, async ({ principal, cursor = '', limit }) => {
      await held.get('lists')?.()
      const after = ofTenant(principalOf(principal).tenant_id)
        .map(({ server_identifier }) => server_identifier)
        .filter((one) => one > cursor)
        .sort()
      const data = after.slice(0, limit).map((server_identifier) => ({ server_identifier }))
      return { data, next_cursor: after.length > limit ? (data.at(-1)?.server_identifier ?? null) : null }
    }),
    serve(bus, listTools, async ({ principal, server_identifiers, search = '', cursor = '0', limit = 50 }) => {
      const mine = ofTenant(principalOf(principal).tenant_id)
        .filter(({ server_identifier }) => server_identifiers?.includes(server_identifier) ?? true)
        .flatMap(({ provider_id, server_identifier }) =>
          (hidden.get(provider_id)?.tools ?? [])
            .filter(({ name, is_approved = true }) => is_approved && name.includes(search))
            .map((tool) => ({ provider_id, server_identifier, ...toolOf(tool) }))
        )
      const end = Number(cursor) + limit
      return { data: mine.slice(Number(cursor), end), next_cursor: end < mine.length ? String(end) : null }
    })
  ]
  let served = answer()
  // Others ask on connections of their own, which could be faster than these subscriptions.
  await bus.connection.flush()
  const leave = async () => {
    const leaving = served
    served = []
    await Promise.all(leaving.map(({ stop }) => stop()))
  }

  return {
    register: ({
      forward_id_token = false,
      external = false,
      authorization,
      tools,
      relisted,
      isReviewed = false,
      ...given
    }) => {
      const settings = complete(given)
      providers.set(settings.provider_id, settings)
      const kept = {
        ...(authorization ? { authorization } : {}),
        ...(tools ? { tools } : {}),
        ...(relisted ? { relisted } : {})
      }
      hidden.set(settings.provider_id, { forward_id_token, external, isReviewed, ...kept })
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
    listAs: (providerId, tools) => {
      hidden.set(providerId, { ...hidden.get(providerId), tools })
      feed.publish({ kind: 'tools', id: providerId })
    },
    hide: (providerId, change) => hidden.set(providerId, { ...hidden.get(providerId), ...change }),
    asked: () => asked,
    toolsAsked: () => toolsAsked,
    answerCredentials: (answer) => {
      answerCredential = answer
    },
    credentialsAsked: () => [...credentialsAsked],
    ticketFor,
    change: feed.publish,
    hold: (kind) => {
      const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      held.set(kind, () => {
        asked.resolve()
        return released.promise
      })
      const release = () => {
        held.delete(kind)
        released.resolve()
      }
      return { asked: asked.promise, release }
    },
    leave,
    comeBack: async () => {
      if (served.length === 0) served = answer()
      await until(bus.isConnected, 60)
      // Only then do the others' questions find somebody.
      await bus.connection.flush()
    },
    close: async () => {
      feed.close()
      await leave()
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

const toolOf = ({ is_approved: _, ...tool }: PlayedTool): CatalogueTool => ({
  description: '',
  input_schema: { type: 'object' },
  hash: hashOf(JSON.stringify(tool)),
  ...tool
})

const ticketOf = async (
  { tenant_id, provider_id, revision, server_identifier, audience, mode }: ProviderSettings,
  { scopes = [], forward_id_token = false }: Hidden,
  key: Awaited<ReturnType<typeof makeKeyPair>>
): Promise<string> => {
  const statement = {
    ...{ tenant_id, provider_id, revision, server_identifier, audience, mode, scopes },
    ...(forward_id_token ? { forward_id_token } : {})
  }
  const { ticket } = await signTicket(providerTicket, statement, { issuer: 'mcp-provider', key: key.signingKey })
  return ticket
}
