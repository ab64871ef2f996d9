import { defineScript } from '@onbehalf/service-kit'
import type { Redis } from 'ioredis'
import { orUnavailable } from '../redis/or-unavailable.ts'

export type Nonces = ReturnType<typeof nonceStore>

/** Twice what an approval lives. */
const seconds = 600
const keyOf = (nonce: string) => `device-auth:sso-nonce:${nonce}`

// KEYS[1] nonce · ARGV whose it is to be, seconds. Asked again by the same one, it is theirs still.
const reserveScript = `
local holder = redis.call('GET', KEYS[1])
if holder then return holder == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`

// KEYS[1] nonce · ARGV whose it is. Nobody lets go of what another holds.
const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`

/** What works once: held from the moment it is used, and let go where nothing came of it. */
export const nonceStore = (redis: Redis) => {
  const reserve = defineScript(redis, reserveScript)
  const release = defineScript(redis, releaseScript)
  return {
    /** Whether it is this holder's now. */
    reserve: async (nonce: string, holder: string): Promise<boolean> =>
      (await orUnavailable(reserve(keyOf(nonce), holder, String(seconds)))) === 1,
    release: async (nonce: string, holder: string): Promise<void> => {
      await orUnavailable(release(keyOf(nonce), holder))
    }
  }
}
