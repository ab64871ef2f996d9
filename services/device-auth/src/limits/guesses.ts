import { matches } from '@onbehalf/rpc'
import { defineScript } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'
import { orUnavailable } from '../redis/or-unavailable.ts'
import { tooMany } from './budgets.ts'

/** What everybody guesses together, whoever shares the work among however many addresses. */
export type Guesses = {
  /** Notes a code that led nowhere; one that is tried again, however it is typed, is no new guess. */
  add: (userCodeHash: string) => Promise<void>
  /** Throws `too_many_requests` to strangers. Who is signed in has a budget of their own, so nobody can lock them out. */
  refuseIfMany: () => Promise<void>
}

/** With 100,000 codes waiting at once, an hour of this finds one in 600 hours (30^8 codes there are). */
export const guessesPerHour = 10_000
const windowMs = 3_600_000
const key = 'device-auth:limit:guesses'

// A count of different ones that takes 12 kB, however many there are. KEYS[1] codes · ARGV a code, window in ms.
const addScript = `
redis.call('PFADD', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1`

const lookScript = `return {redis.call('PFCOUNT', KEYS[1]), redis.call('PTTL', KEYS[1])}`

const Looked = Type.Tuple([Type.Integer(), Type.Integer()])

export const openGuesses = (redis: Redis): Guesses => {
  const add = defineScript(redis, addScript)
  const look = defineScript(redis, lookScript)
  return {
    add: async (userCodeHash) => {
      await orUnavailable(add(key, userCodeHash, String(windowMs)))
    },
    refuseIfMany: async () => {
      const looked = await orUnavailable(look(key))
      if (!matches(Looked, looked)) throw new Error('guesses cannot be counted')
      const [different, leftMs] = looked
      if (different >= guessesPerHour) throw tooMany(leftMs)
    }
  }
}
