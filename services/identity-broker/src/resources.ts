import { randomUUID } from 'node:crypto'
import { identityChanges, listDeviceKeys, listProviderKeys } from '@onbehalf/contracts'
import { createEgress } from '@onbehalf/egress'
import { call, createKeySet, type PublicKey, writeFeed } from '@onbehalf/rpc'
import {
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

export type Resources = Awaited<ReturnType<typeof openResources>>

/** Everything the service holds open, and how it is let go. */
export const openResources = async (config: Config) => {
  const [postgres, redis, { bus, dependency: nats }] = await Promise.all([
    openPostgres<Database>(config.DATABASE_URL),
    openRedis(config.REDIS_URL, { commandMs: config.REDIS_TIMEOUT_MS }),
    openBus({
      service: 'identity-broker',
      url: config.NATS_URL,
      user: config.NATS_USER,
      password: config.NATS_PASSWORD
    })
  ])
  const vault = await openVault(postgres.db, config.MASTER_KEYS)
  const rotateDays = config.SIGNING_KEY_DAYS
  const [ticketKeys, sessionKeys, connectKeys, deviceSsoKeys, deny] = await Promise.all([
    openSigningKeys(postgres.db, vault, { purpose: 'ticket', rotateDays }),
    openSigningKeys(postgres.db, vault, { purpose: 'session', rotateDays }),
    openSigningKeys(postgres.db, vault, { purpose: 'connect', rotateDays }),
    openSigningKeys(postgres.db, vault, { purpose: 'device-sso', rotateDays }),
    ownServers([config.DATABASE_URL, config.REDIS_URL, config.NATS_URL])
  ])
  const egress = createEgress({ allow: config.EGRESS_ALLOW, deny })
  const changes = writeFeed(bus, identityChanges)
  const findTicketKey = createKeySet((issuer) => askForKeys(bus, issuer, ticketKeys.publicKeys))
  return {
    config,
    db: postgres.db,
    runPrepared: postgres.runPrepared,
    redis: redis.redis,
    bus,
    vault,
    ticketKeys,
    sessionKeys,
    connectKeys,
    deviceSsoKeys,
    signingKeysOf: openSigningKeysOf(postgres.db, vault, { rotateDays }),
    egress,
    changes,
    findTicketKey,
    findDeviceSsoKey: createKeySet((issuer) => askForDeviceSsoKeys(bus, issuer)),
    /** How this process signs what it leaves in a grant's row while it refreshes. */
    instance: randomUUID(),
    dependencies: [postgres.dependency, redis.dependency, nats, vaultDependency(vault)],
    close: async () => {
      changes.close()
      for (const keys of [ticketKeys, sessionKeys, connectKeys, deviceSsoKeys]) keys.close()
      await bus.drain()
      await egress.close()
      await Promise.all([redis.close(), postgres.close()])
    }
  }
}

const keyCalls = { 'mcp-provider': listProviderKeys, 'device-auth': listDeviceKeys }

const askForKeys = async (
  bus: Parameters<typeof call>[0],
  issuer: string,
  own: () => PublicKey[]
): Promise<PublicKey[]> => {
  if (issuer === 'identity-broker') return own()
  if (issuer !== 'mcp-provider' && issuer !== 'device-auth') return []
  const { ticket } = await call(bus, keyCalls[issuer], {}, { deadlineAt: Date.now() + 5_000 })
  return ticket
}

const askForDeviceSsoKeys = async (bus: Parameters<typeof call>[0], issuer: string): Promise<PublicKey[]> => {
  if (issuer !== 'device-auth') return []
  const { device_sso = [] } = await call(bus, listDeviceKeys, {}, { deadlineAt: Date.now() + 5_000 })
  return device_sso
}
