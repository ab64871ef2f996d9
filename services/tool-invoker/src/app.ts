import { createApp } from '@onbehalf/service-kit'
import { createArgumentChecks } from './arguments/check.ts'
import { keepPartitions } from './calls/partitions.ts'
import { registerCalls } from './calls/routes.ts'
import { listForEndpoint } from './endpoint/list.ts'
import { registerEndpoint } from './endpoint/routes.ts'
import { keepExpiry } from './idempotency/keep-expiry.ts'
import { openCallLimits } from './limits/call-limits.ts'
import { createListProviders } from './providers/list.ts'
import type { Resources } from './resources.ts'
import { registerTools } from './tools/routes.ts'

// The rest is for the records of what is cancelled then.
const graceMsPerSecond = 800

/** tool-invoker: calls, made on behalf of their users and recorded. */
export const buildApp = async (resources: Resources, now = () => new Date()) => {
  const { bus, callers, config, credentials, providers, tools, tokens, mcp, recorder, calls, underWay, gates } =
    resources
  const app = await createApp({
    service: 'tool-invoker',
    description: 'Calls tools of MCP servers on behalf of the verified end user',
    publicUrl: config.PUBLIC_URL,
    logLevel: config.LOG_LEVEL,
    trustedProxies: config.TRUSTED_PROXIES,
    authenticators: callers.authenticators,
    findSessionKey: resources.findSessionKey,
    dependencies: resources.dependencies
  })
  recorder.onTrouble((err, waiting) => app.log.warn({ err, waiting }, 'call records wait to be written'))
  // Whatever else is logged: they are for what the database could be made to forget.
  const statements = app.log.child({}, { level: 'info' })
  const told = (checkpoint: string) => statements.info({ checkpoint }, 'call records that are stated')
  resources.checkpoints.onStatement(told)
  resources.checkpoints.onTrouble((err) => app.log.warn({ err }, 'call records could not be stated'))
  const refuse = (month: string, stranger: object) =>
    app.log.error({ month, ...stranger }, 'call records are not dropped, one is not ours: run audit-verify')
  // Before the jobs, which first finish what they are at.
  app.addHook('preClose', async () => underWay.leave(config.SHUTDOWN_SECONDS * graceMsPerSecond))
  const partitions = keepPartitions({
    ensurePartitions: calls.ensurePartitions,
    partitionDefault: calls.partitionDefault,
    dropOld: (today, signal) => resources.dropMonths({ tell: told, refuse }, today, signal),
    report: (err) => app.log.warn({ err }, 'partitions of call records are not as they should be yet'),
    now
  })
  app.addHook('preClose', partitions.close)
  const expiry = keepExpiry({
    deleteExpired: resources.idempotency.deleteExpired,
    report: (err) => app.log.warn({ err }, 'keys of old calls are not deleted yet')
  })
  app.addHook('preClose', expiry.close)
  const limits = await openCallLimits(app, resources.limits.take, {
    principal: config.PRINCIPAL_CALLS_PER_MINUTE,
    tenant: config.TENANT_CALLS_PER_MINUTE,
    provider: config.PROVIDER_CALLS_PER_MINUTE
  })
  const calling = {
    publicUrl: config.PUBLIC_URL,
    authenticators: callers.authenticators,
    actFor: callers.actFor,
    now,
    vault: resources.vault,
    idempotency: resources.idempotency,
    checkArguments: createArgumentChecks(),
    ...{ providers, tools, tokens, credentials, mcp, recorder, calls, underWay, gates, limits }
  }
  registerCalls(app, calling)
  registerTools(app, { bus, limits })
  const { sessions, exchanges, relay, toolChanges, places, serverPlaces } = resources
  const listening = { sessions, exchanges, relay, toolChanges, places, serverPlaces }
  registerEndpoint(app, {
    ...calling,
    ...listening,
    list: listForEndpoint(bus),
    listProviders: createListProviders(bus)
  })
  return app
}
