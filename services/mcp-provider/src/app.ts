import { type App, auditRoutes, busSessionKeys, createApp } from '@onbehalf/service-kit'
import { createFindAuthorization } from './authorization/find.ts'
import { serveProviders } from './providers/calls.ts'
import type { Desk } from './providers/desk.ts'
import { registerProviders } from './providers/routes.ts'
import { providerStore } from './providers/store.ts'
import { createSignProvider } from './providers/ticket.ts'
import type { Resources } from './resources.ts'
import { createIdentityOf } from './tools/identity.ts'
import { createListTools } from './tools/list.ts'
import { createRefreshTools } from './tools/refresh.ts'
import { toolStore } from './tools/store.ts'

export const buildApp = async (resources: Resources, { logTo }: AppOptions = {}): Promise<App> => {
  const { bus, changes, config, db, egress, findTicketKey, mcp, ticketKeys, tokens, vault } = resources
  const app = await createApp({
    service: 'mcp-provider',
    description: 'Which MCP servers a tenant has, how to reach them, and their tools',
    publicUrl: config.PUBLIC_URL,
    logLevel: config.LOG_LEVEL,
    trustedProxies: config.TRUSTED_PROXIES,
    authenticators: resources.authenticators,
    findSessionKey: busSessionKeys(bus),
    dependencies: resources.dependencies,
    ...(logTo ? { logTo } : {})
  })
  const signProvider = createSignProvider(ticketKeys.signingKey)
  const publish = (id: string) => changes.publish({ kind: 'provider', id })
  const providers = providerStore(db)
  const tools = toolStore(db)
  const listTools = createListTools({
    mcp,
    identityOf: createIdentityOf(tokens, signProvider),
    report: ({ id }, err) => app.log.warn({ err, provider_id: id }, 'the tools could not be listed')
  })
  const refreshTools = createRefreshTools({ listTools, tools, publish })
  const desk: Desk = { providers, tools, vault, checkReachable: egress.checkReachable, refreshTools, publish }

  registerProviders(app, desk)
  auditRoutes(app, { path: '/v1/audit/providers', db })

  const { publicKeys } = ticketKeys
  const findAuthorization = createFindAuthorization({ providers, vault, egress })
  const served = serveProviders(
    bus,
    { providers, vault, findKey: findTicketKey, signProvider, publicKeys, findAuthorization },
    (failure) => app.log.error({ err: failure.error, subject: failure.subject }, 'unexpected error on the bus')
  )
  app.addHook('preClose', async () => {
    await Promise.all(served.map(({ stop }) => stop()))
  })
  return app
}

type AppOptions = { logTo?: { write: (line: string) => void } }
