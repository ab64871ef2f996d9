import { matches } from '@onbehalf/rpc'
import { defineScript } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'
import { orUnavailable } from '../redis/or-unavailable.ts'

/** How often this key was counted in its window, this time included, and how long the window still lasts. */
export type Count = (key: string, windowMs: number) => Promise<{ used: number; leftMs: number }>

// One step, so that no key is left without an end. KEYS[1] counter · ARGV window in ms.
const script = `
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {used, redis.call('PTTL', KEYS[1])}`

const Counted = Type.Tuple([Type.Integer(), Type.Integer()])

/** Counters over all replicas, in Redis. */
export const createCount = (redis: Redis): Count => {
  const count = defineScript(redis, script)
  return async (key, windowMs) => {
    const counted = await orUnavailable(count(`device-auth:limit:${key}`, String(windowMs)))
    if (!matches(Counted, counted)) throw new Error('a limit cannot be counted')
    const [used, leftMs] = counted
    return { used, leftMs }
  }
}
