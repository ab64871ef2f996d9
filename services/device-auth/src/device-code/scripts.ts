// One key each, so that they run on a cluster too; the server's clock, so that all replicas agree.

/** KEYS[1] code · ARGV lifetime in ms, then fields and values. */
export const create = `
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`

/**
 * KEYS[1] code · ARGV client_id, code_challenge ('' for none). Whoever cannot prove to be the one that started learns
 * nothing and slows nobody down. A code that was decided is given out once and is gone (RFC 8628 §3.5, RFC 7636 §4.6).
 */
export const poll = `
local held = redis.call('HMGET', KEYS[1], 'client_id', 'code_challenge', 'status', 'interval', 'polled_at')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return {'unknown'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local isEarly = held[5] and now - held[5] < held[4] * 1000
redis.call('HSET', KEYS[1], 'polled_at', string.format('%.0f', now))
if isEarly then
  redis.call('HINCRBY', KEYS[1], 'interval', 5)
  return {'early'}
end
if held[3] == 'pending' then return {'pending'} end
local fields = redis.call('HGETALL', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
return {held[3], fields, string.format('%.0f', now + left)}`

/**
 * KEYS[1] code · ARGV decision, marker, tenant_id, user_id, least time left in ms. The marker makes it safe to ask
 * again when the answer got lost.
 */
export const decide = `
local held = redis.call('HMGET', KEYS[1], 'status', 'marker')
if not held[1] then return 'missing' end
if held[2] == ARGV[2] then return 'done' end
if held[1] ~= 'pending' then return 'resolved' end
redis.call('HSET', KEYS[1], 'status', ARGV[1], 'marker', ARGV[2], 'tenant_id', ARGV[3], 'user_id', ARGV[4])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return 'done'`

/** KEYS[1] code · ARGV end in ms since the epoch, then fields and values. */
export const putBack = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
return 1`

/** KEYS[1] code. */
export const read = `
return {redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1])}`
