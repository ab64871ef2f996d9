import { createEgress } from '@onbehalf/egress'
import { createMcpClient, createTokens } from '@onbehalf/mcp'
import {
  busAuthenticators,
  busSessionKeys,
  newId,
  openBus,
  openInstanceSecret,
  openPostgres,
  openRedis,
  openVault,
  ownServers,
  vaultDependency
} from '@onbehalf/service-kit'
import { createRecorder } from './calls/recorder.ts'
import { callStore } from './calls/store.ts'
import { watchCallsUnderWay } from './calls/under-way.ts'
import { dropMonths, type Listeners } from './chain/drop-months.ts'
import { keepCheckpoints } from './chain/keep-checkpoints.ts'
import { openChainKeys } from './chain/keys.ts'
import { createChains } from './chain/link.ts'
import { chainStore } from './chain/store.ts'
import type { Config } from './config.ts'
import { createCredentials } from './credentials/cache.ts'
import type { Database } from './database.ts'
import { egressSend } from './egress-send.ts'
import { connectionsPerOrigin, createGates, type GateLimits } from './gates/gates.ts'
import { createKeepAnswer } from './idempotency/keep-answer.ts'
import { idempotencyStore } from './idempotency/store.ts'
import { limitStore } from './limits/store.ts'
import { createListenerPlaces } from './listening/places.ts'
import { hearToolChanges } from './listening/tool-changes.ts'
import { createProviders } from './providers/cache.ts'
import { endSessionsOnChange } from './providers/end-sessions.ts'
import { createExchanges } from './sessions/exchanges.ts'
import { openRelay } from './sessions/relay.ts'
import { sessionStore } from './sessions/store.ts'
import { createTools } from './tools/cache.ts'

// As long as a client's session, which it may belong to, is kept without a request.
const upstreamIdleMs = 1_800_000

export type Resources = Awaited<ReturnType<typeof openResources>>

/** Everything the service holds open, and how it is let go: calls first, then their records, then the connections. */
export const openResources = async (config: Config, gateLimits: Partial<GateLimits> = {}) => {
  const [postgres, redis, { bus, dependency: nats }] = await Promise.all([
    openPostgres<Database>(config.DATABASE_URL),
    openRedis(config.REDIS_URL, { commandMs: config.REDIS_TIMEOUT_MS }),
    openBus({ service: 'tool-invoker', url: config.NATS_URL, user: config.NATS_USER, password: config.NATS_PASSWORD })
  ])
  const vault = await openVault(postgres.db, config.MASTER_KEYS)
  const keys = idempotencyStore(postgres.db)
  const finish = createKeepAnswer(keys, config.IDEMPOTENT_ANSWERS_MEGABYTES * 1024 * 1024)
  const calls = callStore(postgres.db, postgres.runPrepared)
  const chain = chainStore(postgres.db)
  const { recordKey, checkpointKey } = await openChainKeys((secret) => openInstanceSecret(postgres.db, vault, secret))
  const checkpoints = keepCheckpoints({ chain, key: checkpointKey })
  await calls.ensurePartitions(new Date())
  const recorder = createRecorder({
    insert: calls.insert,
    link: createChains(recordKey, newId),
    isStrict: config.AUDIT_MODE === 'strict'
  })
  recorder.onWritten(checkpoints.note)
  const deny = await ownServers([config.DATABASE_URL, config.REDIS_URL, config.NATS_URL])
  const egress = createEgress({ allow: config.EGRESS_ALLOW, deny, connectionsPerOrigin })
  const mcp = createMcpClient({
    send: egressSend(egress),
    clientInfo: { name: 'onbehalf', version: '0.1.0' },
    limits: {
      sessionIdleMs: upstreamIdleMs,
      // As many servers as providers are held.
      erasMax: 100_000,
      heldBytesMax: config.HELD_ANSWERS_MEGABYTES * 1024 * 1024
    }
  })
  const callers = busAuthenticators(bus, { accepts: ['session', 'bearer', 'api_key'] })
  const providers = createProviders(bus)
  const credentials = createCredentials(bus, providers)
  const tools = createTools(bus)
  const tokens = createTokens(bus)
  const upstreamSessions = endSessionsOnChange(bus, mcp)
  const exchanges = createExchanges()
  const relay = openRelay(bus, exchanges, mcp)
  const toolChanges = hearToolChanges(bus)
  const underWay = watchCallsUnderWay(bus)
  const readers = [underWay, toolChanges, upstreamSessions, tokens, tools, credentials, providers, callers]
  return {
    config,
    calls,
    recorder,
    checkpoints,
    dropMonths: (listeners: Listeners, now: Date, signal: AbortSignal) =>
      dropMonths({ chain, recordKey, checkpointKey, ...listeners }, { monthsKept: config.CALL_MONTHS, now, signal }),
    mcp,
    callers,
    credentials,
    bus,
    providers,
    tools,
    tokens,
    underWay,
    sessions: sessionStore(redis.redis),
    exchanges,
    relay,
    toolChanges,
    places: createListenerPlaces(),
    // Apart, so that who hears many servers takes no place of other clients.
    serverPlaces: createListenerPlaces(),
    vault,
    idempotency: { ...keys, finish },
    gates: createGates(gateLimits),
    limits: limitStore(redis.redis),
    findSessionKey: busSessionKeys(bus),
    dependencies: [postgres.dependency, redis.dependency, nats, vaultDependency(vault)],
    close: async () => {
      const [recorded] = await Promise.allSettled([recorder.close().finally(checkpoints.close), mcp.close()])
      await egress.close()
      for (const reader of readers) reader.close()
      await relay.close()
      await bus.drain()
      await Promise.all([redis.close(), postgres.close()])
      if (recorded.status === 'rejected') throw recorded.reason
    }
  }
}
