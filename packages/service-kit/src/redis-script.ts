import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

/** A Lua script on one key; sent whole only to a server that does not know it yet. */
export type Script = (key: string, ...args: readonly string[]) => Promise<unknown>

export const defineScript = (redis: Redis, lua: string): Script => {
  const digest = createHash('sha1').update(lua).digest('hex')
  return (key, ...args) =>
    redis.evalsha(digest, 1, key, ...args).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return redis.eval(lua, 1, key, ...args)
      throw error
    })
}
