import { Redis } from 'ioredis'
import { type Dependency, within } from './health.ts'
import { endLateCommands } from './redis-deadline.ts'
import { writeTogether } from './redis-writes.ts'
import { UnreachableError } from './unreachable-error.ts'

export type RedisHandle = { redis: Redis; dependency: Dependency; close: () => Promise<void> }

/**
 * A Redis connection that fails fast instead of queueing: a command waits 250 ms at most, unless
 * `commandMs` says otherwise, and none is kept for later.
 * Throws, naming the variable and what was tried, when Redis does not answer.
 */
export const openRedis = async (url: string, { commandMs = 250 } = {}): Promise<RedisHandle> => {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 3_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000)
  })
  let last: unknown
  redis.on('error', (error: unknown) => {
    last = error
  })
  await within(redis.connect(), 5_000).catch((cause: unknown) => {
    redis.disconnect()
    throw new UnreachableError('Redis', 'REDIS_URL', url, last ?? cause)
  })
  // Not before: a process that is still loading is busy for longer, and its own greeting would be too late.
  endLateCommands(redis, commandMs)
  writeTogether(redis)
  const check = async () => {
    await redis.ping()
  }
  return { redis, dependency: { name: 'redis', check }, close: async () => redis.disconnect() }
}
