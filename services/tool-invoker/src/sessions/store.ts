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

/**
 * Whose a session is: `holder`, `principal` and `tenant_id` count them, `who` says all that has to be the same when it is
 * used.
 */
export type Owner = { holder: string; principal: string; tenant_id: string; who: string }

/** How many there are at a time. One more of a holder ends its longest unused, one more of the others is refused. */
export type SessionLimits = { perHolder: number; perPrincipal: number; perTenant: number }

const idleSeconds = 1_800
const lifeMs = 86_400_000
// An app has as many users as it likes, and each session takes up to 80 KB.
const defaults: SessionLimits = { perHolder: 100, perPrincipal: 2_000, perTenant: 10_000 }
const urisBytesMax = 64 * 1024

// The one that is over is the longest unused of its holder. What is over by itself is still counted until it is looked for.
const beginLua = `
local now, idle, perHolder = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
for i = 2, 4 do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - idle * 1000) end
while redis.call('ZCARD', KEYS[2]) >= perHolder do
  local oldest = redis.call('ZPOPMIN', KEYS[2])[1]
  redis.call('DEL', oldest)
  for i = 3, 4 do redis.call('ZREM', KEYS[i], oldest) end
end
for i = 3, 4 do if redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[i + 3]) then return 0 end end
redis.call('HSET', KEYS[1], 'who', ARGV[1], 'capabilities', ARGV[2], 'begun_at', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
for i = 2, 4 do
  redis.call('ZADD', KEYS[i], ARGV[3], KEYS[1])
  redis.call('EXPIRE', KEYS[i], ARGV[4])
end
return 1`

const findLua = `
local who, begun = unpack(redis.call('HMGET', KEYS[1], 'who', 'begun_at'))
if who ~= ARGV[1] or tonumber(begun) < tonumber(ARGV[3]) then return {} end
redis.call('EXPIRE', KEYS[1], ARGV[4])
for i = 2, 4 do
  redis.call('ZADD', KEYS[i], 'XX', ARGV[2], KEYS[1])
  redis.call('EXPIRE', KEYS[i], ARGV[4])
end
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
const countPlaces = ({ holder, principal, tenant_id }: Owner): string[] =>
  [holder, `principal:${principal}`, `tenant:${tenant_id}`].map((counted) => `tool-invoker:sessions:${counted}`)
const uriField = (uri: string): string => `uri:${uri}`

/** Sessions of clients, in Redis for all replicas: 30 min after the last request, or a day after the first, they are over. */
export const sessionStore = (redis: Redis, given: Partial<SessionLimits> = {}) => {
  const { perHolder, perPrincipal, perTenant } = { ...defaults, ...given }
  const scripts = [beginLua, findLua, noteLua, subscribeLua].map((lua) => defineScript(redis, lua))
  const [begin, find, note, add] = scripts
  if (!begin || !find || !note || !add) throw new Error('a script is missing')
  return {
    /** False where the principal or the tenant has too many already. */
    begin: async (id: string, owner: Owner, capabilities: Json, now: Date): Promise<boolean> => {
      const bounds = [perHolder, perPrincipal, perTenant]
      const given = [owner.who, JSON.stringify(capabilities), now.getTime(), idleSeconds, ...bounds]
      return (await begin([placeOf(id), ...countPlaces(owner)], ...given.map(String))) === 1
    },
    /** Undefined where it is over, or somebody else's. */
    find: async (id: string, owner: Owner, now: Date): Promise<StoredSession | undefined> => {
      const given = [owner.who, now.getTime(), now.getTime() - lifeMs, idleSeconds]
      return read(await find([placeOf(id), ...countPlaces(owner)], ...given.map(String)))
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
      const place = placeOf(id)
      await Promise.all([redis.del(place), ...countPlaces(owner).map((counted) => redis.zrem(counted, place))])
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
