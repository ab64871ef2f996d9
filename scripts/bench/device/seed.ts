import { defineScript } from '@onbehalf/service-kit'
import { withClient } from '@onbehalf/testkit'
import { hashDeviceCode } from '../../../services/device-auth/src/device-code/device-code.ts'
import { shortNames } from '../../../services/device-auth/src/device-code/scripts.ts'
import { hashUserCode } from '../../../services/device-auth/src/device-code/user-code.ts'
import type { Resources } from '../../../services/device-auth/src/resources.ts'

type Redis = Resources['redis']['redis']

const chunk = 1_000
const lifeMs = 3_600_000
const clientId = 'onbehalf'

/** The device code of one of the flows that were seeded. */
export const seededCode = (number: number): string => `dc_${String(number).padStart(43, 'x')}`

// ARGV life in ms, now in ms, then of each flow the hash of its code, that of its user code and a label. No poll of them
// comes too early, because a bench polls them more often than their devices would.
const f = shortNames
const seed = `
for at = 3, #ARGV, 3 do
  local key = KEYS[1] .. 'code:' .. ARGV[at]
  redis.call('HSET', key, '${f.status}', 'pending', '${f.user_code_hash}', ARGV[at + 1], '${f.client_id}', '${clientId}',
    '${f.device_label}', ARGV[at + 2], '${f.created_ip}', '203.0.113.195', '${f.created_at}', ARGV[2], '${f.interval}', '0',
    '${f.polled_at}', ARGV[2], '${f.poll}', string.sub(ARGV[at], 1, 12))
  redis.call('PEXPIRE', key, ARGV[1])
  redis.call('SET', KEYS[1] .. 'user-code:' .. ARGV[at + 1], ARGV[at], 'PX', ARGV[1])
end
return 1`

/** Begins flows until there are `total`, each polled once as those of waiting devices are. */
export const seedCodes = async (redis: Redis, { from, total, key }: { from: number; total: number; key: string }) => {
  const script = defineScript(redis, seed)
  const one = (number: number) => [
    hashDeviceCode(seededCode(number)),
    hashUserCode(`seed-${number}`, key),
    `laptop-${number}`
  ]
  for (let begun = from; begun < total; begun += chunk) {
    const flows = Array.from({ length: Math.min(chunk, total - begun) }, (_, index) => one(begun + index))
    await script('device-auth:', String(lifeMs), String(Date.now()), ...flows.flat())
  }
}

/** The token of one of the rows that were seeded. */
export const seededToken = (number: number): string => `dfoa_${String(number).padStart(43, 'x')}`

// The clear text of these is a number, so only the bench can know that they are none.
const insertTokens = `
  insert into device_auth.device_token
    (id, tenant_id, user_id, issuer, client_id, device_label, prefix, token_hash, expires_at, last_used_at)
  select uuidv7(), $1, ($2::uuid[])[1 + number % cardinality($2::uuid[])], 'onbehalf:account', 'onbehalf', 'device-' || number,
    'dfoa_', translate(encode(sha256(('dfoa_' || lpad(number::text, 43, 'x'))::bytea), 'base64'), '+/=', '-_'),
    now() + interval '14 days', now()
  from generate_series($3::integer, $4::integer - 1) as number`

/** Stores tokens of the people given until there are `total`. */
export const seedTokens = (
  adminUrl: string,
  { tenant_id, people, total }: { tenant_id: string; people: string[]; total: number }
) =>
  withClient(adminUrl, async (client) => {
    const batch = 100_000
    for (let from = 0; from < total; from += batch)
      await client.query(insertTokens, [tenant_id, people, from, Math.min(total, from + batch)])
    await client.query('analyze device_auth.device_token')
  })

/** Bytes that Redis holds. */
export const usedBytes = async (redis: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? Number.NaN)
