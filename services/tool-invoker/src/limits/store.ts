import { matches } from '@onbehalf/rpc'
import { defineScript } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'

/** What is asked of a window: some of it, and how much of what was taken before was not spent. */
type Ask = { key: string; max: number; windowMs: number; want: number; back: number }
type Taken = { granted: number; used: number; ttlMs: number }

export type TakeSlice = (ask: Ask) => Promise<Taken>

// The nearer a window is to its end, the smaller what one replica gets: little is left unspent at another.
const lua = `
local answers = {}
for index, key in ipairs(KEYS) do
  local first = index * 4 - 3
  local max, window = tonumber(ARGV[first]), tonumber(ARGV[first + 1])
  local want, back = tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
  local used = tonumber(redis.call('GET', key) or '0')
  local ttl = redis.call('PTTL', key)
  if ttl <= 0 then ttl = window end
  used = math.max(0, used - back)
  local granted = math.min(want, math.max(0, math.ceil((max - used) / 4)))
  redis.call('SET', key, used + granted, 'PX', ttl)
  answers[index] = { granted, used + granted, ttl }
end
return answers`

const Answers = Type.Array(Type.Tuple([Type.Integer(), Type.Integer(), Type.Integer()]))

type Waiting = { ask: Ask; resolve: (taken: Taken) => void; reject: (error: unknown) => void }

/** The windows in Redis. What is asked for at once goes in one script. */
export const limitStore = (redis: Redis): { take: TakeSlice } => {
  const run = defineScript(redis, lua)
  let waiting: Waiting[] = []

  const askAll = async (asks: readonly Ask[]): Promise<Taken[]> => {
    const given = asks.flatMap(({ max, windowMs, want, back }) => [max, windowMs, want, back].map(String))
    const answers = await run(
      asks.map(({ key }) => `tool-invoker:limit:${key}`),
      ...given
    )
    if (!matches(Answers, answers)) throw new Error('Redis answered with something else than slices')
    return answers.map(([granted, used, ttlMs]) => ({ granted, used, ttlMs }))
  }
  const flush = () => {
    const batch = waiting
    waiting = []
    askAll(batch.map(({ ask }) => ask)).then(
      (taken) => {
        for (const [index, { resolve, reject }] of batch.entries()) {
          const one = taken[index]
          if (one) resolve(one)
          else reject(new Error('Redis answered for fewer limits than it was asked for'))
        }
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error)
      }
    )
  }

  return {
    take: (ask) => {
      const { promise, resolve, reject } = Promise.withResolvers<Taken>()
      if (waiting.length === 0) setImmediate(flush)
      waiting.push({ ask, resolve, reject })
      return promise
    }
  }
}
