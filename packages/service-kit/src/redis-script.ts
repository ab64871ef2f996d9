import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

/** A Lua script on one key or several; sent whole only to a server that does not know it yet. */
export type Script = (keys: string | readonly string[], ...args: readonly string[]) => Promise<unknown>

export const defineScript = (redis: Redis, lua: string): Script => {
  const digest = createHash('sha1').update(lua).digest('hex')
  return (given, ...args) => {
    const keys = [given].flat()
    return redis.evalsha(digest, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return redis.eval(lua, keys.length, ...keys, ...args)
    })
  }
}
