import { deviceChanges } from '@onbehalf/contracts'
import { writeFeed } from '@onbehalf/rpc'
import {
  busAuthenticators,
  openBus,
  openPostgres,
  openRedis,
  openSigningKeys,
  openVault,
  vaultDependency
} from '@onbehalf/service-kit'
import type { Config } from './config.ts'
import type { Database } from './database.ts'
import { makeUserCode } from './device-code/user-code.ts'
import { openSecret } from './secret/open.ts'
import { secretStore } from './secret/store.ts'
import { openUsers } from './users/find.ts'

export const service = 'device-auth'

export type Resources = Awaited<ReturnType<typeof openResources>>

/** Everything outside the process that this service uses, and chance. */
export const openResources = async (config: Config) => {
  const [postgres, redis, nats] = await Promise.all([
    openPostgres<Database>(config.DATABASE_URL),
    openRedis(config.REDIS_URL),
    openBus({ service, url: config.NATS_URL, user: config.NATS_USER, password: config.NATS_PASSWORD })
  ])
  const vault = await openVault(postgres.db, config.MASTER_KEYS)
  const [keys, userCodeKey] = await Promise.all([
    openSigningKeys(postgres.db, vault, { purpose: 'ticket', rotateDays: config.SIGNING_KEY_DAYS }),
    openSecret(secretStore(postgres.db), vault, 'user-code')
  ])
  const { bus } = nats
  const feed = writeFeed(bus, deviceChanges)
  const sessions = busAuthenticators(bus, { accepts: ['session', 'api_key'] })
  const users = openUsers(bus)
  return {
    ...{ config, postgres, redis, bus, keys, userCodeKey, feed, sessions, users, makeUserCode },
    dependencies: [postgres.dependency, redis.dependency, nats.dependency, vaultDependency(vault)],
    close: async () => {
      feed.close()
      keys.close()
      users.close()
      sessions.close()
      await bus.drain()
      await Promise.all([redis.close(), postgres.close()])
    }
  }
}
