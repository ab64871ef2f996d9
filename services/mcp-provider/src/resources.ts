import { randomUUID } from 'node:crypto'
import { listBrokerKeys, listDeviceKeys, providerChanges } from '@onbehalf/contracts'
import { createEgress } from '@onbehalf/egress'
import { createTokens } from '@onbehalf/mcp'
import { type Bus, call, createKeySet, type PublicKey, writeFeed } from '@onbehalf/rpc'
import {
  busAuthenticators,
  openBus,
  openPostgres,
  openRedis,
  openSigningKeys,
  openSigningKeysOf,
  openVault,
  ownServers,
  vaultDependency
} from '@onbehalf/service-kit'
import type { Config } from './config.ts'
import type { Database } from './database.ts'
import { openMcpLister } from './tools/mcp-lister.ts'

export type Resources = Awaited<ReturnType<typeof openResources>>

/** Everything the service holds open, and how it is let go. */
export const openResources = async (config: Config) => {
  const [postgres, redis, { bus, dependency: nats }] = await Promise.all([
    openPostgres<Database>(config.DATABASE_URL),
    openRedis(config.REDIS_URL, { commandMs: config.REDIS_TIMEOUT_MS }),
    openBus({
      service: 'mcp-provider',
      url: config.NATS_URL,
      user: config.NATS_USER,
      password: config.NATS_PASSWORD
    })
  ])
  const vault = await openVault(postgres.db, config.MASTER_KEYS)
  const ticketKeys = await openSigningKeys(postgres.db, vault, {
    purpose: 'ticket',
    rotateDays: config.SIGNING_KEY_DAYS
  })
  const deny = await ownServers([config.DATABASE_URL, config.REDIS_URL, config.NATS_URL])
  const egress = createEgress({ allow: config.EGRESS_ALLOW, deny })
  const mcp = openMcpLister(egress)
  const changes = writeFeed(bus, providerChanges)
  const tokens = createTokens(bus)
  const callers = busAuthenticators(bus, { accepts: ['session', 'bearer', 'api_key'] })
  return {
    config,
    db: postgres.db,
    runPrepared: postgres.runPrepared,
    redis: redis.redis,
    bus,
    vault,
    ticketKeys,
    egress,
    mcp,
    tokens,
    changes,
    authenticators: callers.authenticators,
    signingKeysOf: openSigningKeysOf(postgres.db, vault, { rotateDays: config.SIGNING_KEY_DAYS }),
    /** How this process signs what it leaves in a credential's row while it refreshes. */
    instance: randomUUID(),
    findTicketKey: createKeySet((issuer) => askForKeys(bus, issuer)),
    dependencies: [postgres.dependency, redis.dependency, nats, vaultDependency(vault)],
    close: async () => {
      changes.close()
      ticketKeys.close()
      tokens.close()
      callers.close()
      await bus.drain()
      await mcp.close()
      await egress.close()
      await Promise.all([redis.close(), postgres.close()])
    }
  }
}

const askForKeys = async (bus: Bus, issuer: string): Promise<PublicKey[]> => {
  const contract = issuer === 'identity-broker' ? listBrokerKeys : listDeviceKeys
  const { ticket } = await call(bus, contract, {}, { deadlineAt: Date.now() + 5_000 })
  return ticket
}
