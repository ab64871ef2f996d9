/**
 * What a flow's fields are called in Redis, where every waiting flow repeats them; the others, which come with its
 * decision, are called as they are.
 */
export const shortNames = {
  status: 's',
  client_id: 'c',
  device_label: 'l',
  code_challenge: 'h',
  interval: 'i',
  user_code_hash: 'u',
  created_ip: 'a',
  created_at: 't',
  tenant_hint: 'n',
  polled_at: 'p',
  poll: 'm'
} as const
const f = shortNames

/** How many seconds apart a device polls where its flow does not say. */
export const intervalSeconds = 5

// One key each, so that they run on a cluster too; the server's clock, so that all replicas agree.

/** KEYS[1] code · ARGV lifetime in ms, then fields and values. */
export const create = `
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`

/**
 * KEYS[1] code · ARGV client_id, code_challenge ('' for none), this poll's marker, lease in ms. Whoever cannot prove to
 * be the one that started learns nothing and slows nobody down (RFC 8628 §3.5, RFC 7636 §4.6). One poll takes an
 * approval; should its replica die, another may when the lease has ended. Asked again with its marker, a poll whose
 * answer got lost has the same outcome.
 */
export const poll = `
local held = redis.call('HMGET', KEYS[1], '${f.client_id}', '${f.code_challenge}', '${f.status}', '${f.interval}',
  '${f.polled_at}', '${f.poll}', 'taker', 'taken_until')
if held[1] ~= ARGV[1] or (held[2] or '') ~= ARGV[2] then return {'unknown'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if held[7] and held[7] ~= ARGV[3] and now < tonumber(held[8]) then return {'pending'} end
if held[6] ~= ARGV[3] then
  redis.call('HSET', KEYS[1], '${f.polled_at}', string.format('%.0f', now), '${f.poll}', ARGV[3])
  local interval = tonumber(held[4] or '${intervalSeconds}')
  if held[5] and now - held[5] < interval * 1000 then
    redis.call('HSET', KEYS[1], '${f.interval}', interval + 5)
    return {'early'}
  end
end
if held[3] == 'pending' then return {'pending'} end
local fields = redis.call('HGETALL', KEYS[1])
if held[3] == 'denied' then
  redis.call('DEL', KEYS[1])
  return {'denied', fields}
end
redis.call('HSET', KEYS[1], 'taker', ARGV[3], 'taken_until', string.format('%.0f', now + ARGV[4]))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return {'approved', fields}`

/**
 * KEYS[1] code · ARGV the taker's marker, ms. The last step before a token is handed out: only who still holds the
 * approval may, and nothing is left of it but, for a moment, who it was.
 */
export const spend = `
if redis.call('HGET', KEYS[1], 'spent_by') == ARGV[1] then return 1 end
if redis.call('HGET', KEYS[1], 'taker') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'spent_by', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`

/** KEYS[1] code · ARGV the taker's marker. The approval waits again, for the time it has left. */
export const putBack = `
if redis.call('HGET', KEYS[1], 'taker') == ARGV[1] then redis.call('HDEL', KEYS[1], 'taker', 'taken_until') end
return 1`

/**
 * KEYS[1] code · ARGV decision, marker, tenant_id, user_id, least time left in ms, the issuer of an external user's IdP
 * ('' for a member). The marker makes it safe to ask again when the answer got lost.
 */
export const decide = `
local held = redis.call('HMGET', KEYS[1], '${f.status}', 'marker')
if not held[1] then return 'missing' end
if held[2] == ARGV[2] then return 'done' end
if held[1] ~= 'pending' then return 'resolved' end
redis.call('HSET', KEYS[1], '${f.status}', ARGV[1], 'marker', ARGV[2], 'tenant_id', ARGV[3], 'user_id', ARGV[4])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'subject_issuer', ARGV[6]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return 'done'`

/** KEYS[1] code. */
export const read = `
if redis.call('HEXISTS', KEYS[1], '${f.status}') == 0 then return {{}, 0} end
return {redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1])}`
