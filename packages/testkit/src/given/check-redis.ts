import { serviceNames } from '@onbehalf/contracts'
import { openRedis, UnreachableError } from '@onbehalf/service-kit'

/** Throws, in one line, when this is not a Redis in which every service may keep what it has to. */
export const checkRedis = async (url: string): Promise<void> => {
  const { redis, close } = await openRedis(url)
  try {
    for (const service of serviceNames) {
      const key = `${service}:start`
      await redis.eval("redis.call('SET', KEYS[1], '', 'PX', 1000) return redis.call('DEL', KEYS[1])", 1, key)
    }
  } catch (cause) {
    throw new UnreachableError('Redis', 'REDIS_URL', url, cause)
  } finally {
    await close()
  }
}
