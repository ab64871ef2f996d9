import { identityChanges } from '@onbehalf/contracts'
import { writeFeed } from '@onbehalf/rpc'
import { openBus, openRedis } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { createAnnouncements } from '../announce.ts'
import type { Config } from '../config.ts'
import type { Written } from '../connections/write.ts'
import type { App, User } from '../database.ts'
import { sharedTokens } from '../tokens/kept/shared.ts'

type Moves = {
  written: readonly Written[]
  apps: readonly Pick<App, 'id'>[]
  users: readonly Pick<User, 'id'>[]
}

/**
 * Empties the caches of running replicas where connections lost grants, keys of apps changed, or somebody has another
 * role; without NATS they notice within 30 s.
 */
export const tellOfMoves = async (config: Config, vault: Vault, { written, apps, users }: Moves): Promise<void> => {
  const moved = written.filter(({ ended }) => ended.length > 0)
  if (moved.length + apps.length + users.length === 0) return
  const { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password } = config
  const [bus, redis] = await Promise.all([
    openBus({ service: 'identity-broker', url, user, password }).catch(() => undefined),
    openRedis(config.REDIS_URL, { commandMs: config.REDIS_TIMEOUT_MS }).catch(() => undefined)
  ])
  if (bus && redis) await tell(bus.bus, sharedTokens(redis.redis, vault).empty, { written: moved, apps, users })
  await Promise.all([bus?.bus.drain(), redis?.close()])
}

const tell = async (
  bus: Parameters<typeof writeFeed>[0],
  emptyShared: (tag: string) => Promise<void>,
  { written, apps, users }: Moves
) => {
  const feed = writeFeed(bus, identityChanges)
  const { announce } = createAnnouncements({ feed, emptyShared })
  for (const { connection, ended } of written) {
    await announce('connection', connection.id)
    await announce('grant', ...ended)
  }
  for (const { id } of apps) await announce('app', id)
  await announce('user', ...users.map(({ id }) => id))
  feed.close()
}
