import { randomBytes } from 'node:crypto'
import { deviceChanges } from '@onbehalf/contracts'
import { createEgress } from '@onbehalf/egress'
import { writeFeed } from '@onbehalf/rpc'
import {
  busAuthenticators,
  openBus,
  openInstanceSecret,
  openPostgres,
  openRedis,
  openSigningKeys,
  openVault,
  ownServers,
  vaultDependency
} from '@onbehalf/service-kit'
import type { Config } from './config.ts'
import type { Database } from './database.ts'
import { makeUserCode } from './device-code/user-code.ts'
import { openUsers } from './users/find.ts'

export const service = 'device-auth'

const makeSecret = () => randomBytes(32).toString('base64url')

export type Resources = Awaited<ReturnType<typeof openResources>>

/** Everything outside the process that this service uses, and chance. */
export const openResources = async (config: Config) => {
  const [postgres, redis, nats] = await Promise.all([
    openPostgres<Database>(config.DATABASE_URL),
    openRedis(config.REDIS_URL, { commandMs: config.REDIS_TIMEOUT_MS }),
    openBus({ service, url: config.NATS_URL, user: config.NATS_USER, password: config.NATS_PASSWORD })
  ])
  const vault = await openVault(postgres.db, config.MASTER_KEYS)
  const [keys, ssoKeys, userCodeKey, revokeLinkKey] = await Promise.all([
    openSigningKeys(postgres.db, vault, { purpose: 'ticket', rotateDays: config.SIGNING_KEY_DAYS }),
    openSigningKeys(postgres.db, vault, { purpose: 'device-sso', rotateDays: config.SIGNING_KEY_DAYS }),
    openInstanceSecret(postgres.db, vault, { name: 'user-code', make: makeSecret }),
    openInstanceSecret(postgres.db, vault, { name: 'revoke-link', make: makeSecret })
  ])
  const deny = await ownServers([config.DATABASE_URL, config.NATS_URL, config.REDIS_URL])
  const egress = createEgress({ allow: config.EGRESS_ALLOW, deny })
  const { bus } = nats
  const feed = writeFeed(bus, deviceChanges)
  const sessions = busAuthenticators(bus, { accepts: ['session', 'api_key'] })
  const users = openUsers(bus)
  return {
    ...{
      config,
      postgres,
      redis,
      bus,
      vault,
      egress,
      keys,
      ssoKeys,
      userCodeKey,
      revokeLinkKey,
      feed,
      sessions,
      users,
      makeUserCode
    },
    dependencies: [postgres.dependency, redis.dependency, nats.dependency, vaultDependency(vault)],
    close: async () => {
      feed.close()
      keys.close()
      ssoKeys.close()
      users.close()
      sessions.close()
      await bus.drain()
      await egress.close()
      await Promise.all([redis.close(), postgres.close()])
    }
  }
}
