import { createHash } from 'node:crypto'
import { isJson, type Json } from '@onbehalf/mcp'
import { defineScript } from '@onbehalf/service-kit'
import type { Redis } from 'ioredis'
import { urisMax } from '../listening/filter.ts'

/** What a client of 2025-11-25 or older told when it began, and wants to hear of since. */
export type StoredSession = {
  capabilities: Json
  /** The least severe log messages it wants; undefined where it has not said. */
  level: string | undefined
  /** Resources whose changes it wants to hear of. */
  uris: string[]
}

/** Whose a session is: `holder` counts them, `who` says all that has to be the same when it is used. */
export type Owner = { holder: string; who: string }

const idleSeconds = 1_800
const lifeMs = 86_400_000
const sessionsMax = 100
const urisBytesMax = 64 * 1024

// The one that is over is the longest unused of its holder.
const beginLua = `
redis.call('HSET', KEYS[1], 'who', ARGV[1], 'capabilities', ARGV[2], 'begun_at', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[3], KEYS[1])
redis.call('EXPIRE', KEYS[2], ARGV[4])
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[5]) then redis.call('DEL', redis.call('ZPOPMIN', KEYS[2])[1]) end`

const findLua = `
local who, begun = unpack(redis.call('HMGET', KEYS[1], 'who', 'begun_at'))
if who ~= ARGV[1] or tonumber(begun) < tonumber(ARGV[3]) then return {} end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], 'XX', ARGV[2], KEYS[1])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return redis.call('HGETALL', KEYS[1])`

const noteLua = `
if redis.call('EXISTS', KEYS[1]) == 0 then return end
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end`

// Counted here, since others may be added at the same moment. All of it is read with each request.
const subscribeLua = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
local count, bytes = 1, #ARGV[1]
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 4) == 'uri:' and field ~= ARGV[1] then count, bytes = count + 1, bytes + #field end
end
if count > tonumber(ARGV[2]) or bytes > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '1')
return 1`

export type SessionStore = ReturnType<typeof sessionStore>

/** The name a session goes by among us; its id is its client's. */
export const keyOf = (id: string): string => createHash('sha256').update(id).digest('base64url')

const placeOf = (id: string): string => `tool-invoker:session:${keyOf(id)}`
const holderPlace = ({ holder }: Owner): string => `tool-invoker:sessions:${holder}`
const uriField = (uri: string): string => `uri:${uri}`

/** Sessions of clients, in Redis for all replicas: 30 min after the last request, or a day after the first, they are over. */
export const sessionStore = (redis: Redis) => {
  const scripts = [beginLua, findLua, noteLua, subscribeLua].map((lua) => defineScript(redis, lua))
  const [begin, find, note, add] = scripts
  if (!begin || !find || !note || !add) throw new Error('a script is missing')
  return {
    begin: async (id: string, owner: Owner, capabilities: Json, now: Date): Promise<void> => {
      const given = [owner.who, JSON.stringify(capabilities), now.getTime(), idleSeconds, sessionsMax]
      await begin([placeOf(id), holderPlace(owner)], ...given.map(String))
    },
    /** Undefined where it is over, or somebody else's. */
    find: async (id: string, owner: Owner, now: Date): Promise<StoredSession | undefined> => {
      const given = [owner.who, now.getTime(), now.getTime() - lifeMs, idleSeconds]
      return read(await find([placeOf(id), holderPlace(owner)], ...given.map(String)))
    },
    setLevel: async (id: string, level: string): Promise<void> => {
      await note(placeOf(id), 'level', level)
    },
    /** False where it is one too many, or all of them are too long. */
    subscribe: async (id: string, uri: string): Promise<boolean> =>
      (await add(placeOf(id), uriField(uri), String(urisMax), String(urisBytesMax))) === 1,
    unsubscribe: async (id: string, uri: string): Promise<void> => {
      await note(placeOf(id), uriField(uri), '')
    },
    end: async (id: string, owner: Owner): Promise<void> => {
      await Promise.all([redis.del(placeOf(id)), redis.zrem(holderPlace(owner), placeOf(id))])
    }
  }
}

const read = (fields: unknown): StoredSession | undefined => {
  if (!Array.isArray(fields) || fields.length === 0) return undefined
  const names = fields.filter((_, index) => index % 2 === 0).map(String)
  const fieldOf = (name: string): string | undefined => {
    const at = names.indexOf(name)
    return at < 0 ? undefined : String(fields[at * 2 + 1])
  }
  const capabilities: unknown = JSON.parse(fieldOf('capabilities') ?? '{}')
  return {
    capabilities: isJson(capabilities) ? capabilities : {},
    level: fieldOf('level'),
    uris: names.filter((name) => name.startsWith('uri:')).map((name) => name.slice('uri:'.length))
  }
}
