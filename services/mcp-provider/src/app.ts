import { principalTicket } from '@onbehalf/contracts'
import { createTicketReader } from '@onbehalf/rpc'
import { type App, auditRoutes, busSessionKeys, createApp, findVisitorBy } from '@onbehalf/service-kit'
import { createFindAuthorization } from './authorization/find.ts'
import { consoleRoutes } from './console/routes.ts'
import { registerImport } from './import/routes.ts'
import { assembleOauth } from './oauth/assemble.ts'
import { serveCredentials } from './oauth/calls.ts'
import { documentRoutes } from './oauth/document-routes.ts'
import { authorizationPages } from './oauth/page-routes.ts'
import { registerAuthorizations } from './oauth/routes.ts'
import { serveProviders } from './providers/calls.ts'
import type { Desk, Publish } from './providers/desk.ts'
import { providerPages } from './providers/page-store.ts'
import { registerProviders } from './providers/routes.ts'
import { providerStore } from './providers/store.ts'
import { createSignProvider } from './providers/ticket.ts'
import type { Resources } from './resources.ts'
import { serveTools } from './tools/calls.ts'
import { dueStore } from './tools/due-store.ts'
import { findTools } from './tools/find-store.ts'
import { createIdentityOf } from './tools/identity.ts'
import { createListTools, createTryTools } from './tools/list.ts'
import { toolPages } from './tools/page-store.ts'
import { createRefreshTools } from './tools/refresh.ts'
import { createRefreshDue } from './tools/refresh-due.ts'
import { createRelist } from './tools/relist.ts'
import { createSchedule } from './tools/schedule.ts'
import { toolStore } from './tools/store.ts'
import { createWatch } from './tools/watch.ts'
import { watchStore } from './tools/watch-store.ts'
import { createWatches } from './tools/watches.ts'

export const buildApp = async (resources: Resources, { logTo }: AppOptions = {}): Promise<App> => {
  const { bus, changes, config, db, egress, findTicketKey, mcp, runPrepared, ticketKeys, tokens, vault } = resources
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
  const tell =
    (kind: 'provider' | 'tools'): Publish =>
    ({ id, tenant_id }) =>
      changes.publish({ kind, id, tenant_id })
  const publishTools = tell('tools')
  const providers = { ...providerStore(db), ...providerPages(db) }
  const tools = { ...toolStore(db), ...findTools(runPrepared), ...toolPages(db) }
  const oauth = assembleOauth(resources, {
    ...{ providers, publish: tell('provider') },
    reportRevoking: (err, givenUp) =>
      givenUp
        ? app.log.warn({ err, provider_id: givenUp.provider_id }, 'a credential could not be revoked, and is given up')
        : app.log.info({ err }, 'a credential could not be revoked at its authorization server'),
    reportGivenUp: (givenUp) =>
      app.log.warn(givenUp, 'credentials are not taken back where they were given: the tenant has too many of them'),
    reportStore: (err) => app.log.warn({ err }, 'what is to be taken back could not be looked for, noted or given up'),
    reportNoting: (err) => app.log.warn({ err }, 'that an authorization server refuses our client could not be noted')
  })
  const listTools = createListTools({
    mcp,
    credentialOf: oauth.credentialOf,
    identityOf: createIdentityOf(tokens, signProvider),
    report: ({ id }, err) => app.log.warn({ err, provider_id: id }, 'the tools could not be listed')
  })
  const refreshTools = createRefreshTools({ listTools, tools, publish: publishTools })
  const { checkReachable } = egress
  const tryTools = createTryTools({
    mcp,
    report: (err) => app.log.info({ err }, 'a server that was tried could not be listed')
  })
  const desk: Desk = {
    providers,
    tools,
    vault,
    checkReachable,
    refreshTools,
    tryTools,
    publish: tell('provider'),
    publishTools,
    revokeDropped: oauth.desk.revokeDropped
  }

  registerProviders(app, desk)
  registerAuthorizations(app, oauth)
  await app.register(documentRoutes(oauth))
  await app.register(authorizationPages({ ...oauth, findVisitor: findVisitorBy(resources.authenticators.session) }))
  registerImport(app, desk)
  await app.register(consoleRoutes(desk, oauth))
  auditRoutes(app, { path: '/v1/audit/providers', db })

  const due = dueStore(db)
  const refresh = createRefreshDue({ vault, tools, due, listTools, publish: publishTools, now: Date.now })
  const relist = createRelist({ providers, refresh, now: Date.now })
  const schedule = createSchedule({
    due,
    refresh,
    everySeconds: config.TOOLS_REFRESH_SECONDS,
    random: Math.random,
    report: (err) => app.log.warn({ err }, 'the tools could not be listed on time')
  })
  const watches = createWatches({
    store: watchStore(db),
    watch: createWatch({ vault, mcp, credentialOf: oauth.credentialOf, now: Date.now }),
    onChange: (id) => due.changed(id).then(schedule.hurry),
    watcher: resources.instance,
    watchesMax: config.TOOLS_WATCHES_MAX,
    random: Math.random,
    now: Date.now,
    report: (err) => app.log.info({ err }, 'changes of the tools could not be listened for')
  })

  const { publicKeys } = ticketKeys
  const findAuthorization = createFindAuthorization({ providers, vault, egress })
  const report: Parameters<typeof serveTools>[2] = ({ error, subject }) =>
    app.log.error({ err: error, subject }, 'unexpected error on the bus')
  const readPrincipal = createTicketReader(principalTicket, { findKey: findTicketKey })
  const served = [
    ...serveProviders(bus, { providers, vault, readPrincipal, signProvider, publicKeys, findAuthorization }, report),
    ...serveTools(bus, { tools, readPrincipal, watches, relist }, report),
    ...serveCredentials(bus, { ...oauth, readPrincipal }, report)
  ]
  app.addHook('onListen', async () => {
    schedule.start()
    watches.start()
    oauth.revocations.start()
  })
  app.addHook('preClose', async () => {
    await Promise.all([schedule.close(), watches.close()])
    await Promise.all(served.map(({ stop }) => stop()))
    await oauth.settle()
  })
  return app
}

type AppOptions = { logTo?: { write: (line: string) => void } }
