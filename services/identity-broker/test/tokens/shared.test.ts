import { randomBytes, randomUUID } from 'node:crypto'
import { loadConfig, openPostgres, openRedis, openVault } from '@onbehalf/service-kit'
import { recordSecrets, startBackends } from '@onbehalf/testkit'
import { Redis } from 'ioredis'
import t from 'tap'
import { variables } from '../../src/config.ts'
import type { Database } from '../../src/database.ts'
import { sharedTokens } from '../../src/tokens/kept/shared.ts'

const backends = await startBackends(t)
const masterKey = randomBytes(32).toString('base64')
recordSecrets([masterKey])
const config = loadConfig(variables, {
  ...backends.environmentFor('identity-broker'),
  PUBLIC_URL: 'http://127.0.0.1:9',
  MASTER_KEYS: `k1:${masterKey}`
})
const { db, close: closePostgres } = await openPostgres<Database>(config.DATABASE_URL)
const { redis, close: closeRedis } = await openRedis(config.REDIS_URL, { commandMs: config.REDIS_TIMEOUT_MS })
const admin = new Redis(backends.redis.adminUrl(), { lazyConnect: true })
t.teardown(async () => {
  admin.disconnect()
  await closeRedis()
  await closePostgres()
})
const shared = sharedTokens(redis, await openVault(db, config.MASTER_KEYS))

const keyOf = (more: object = {}) => ({
  ...{ tenant_id: randomUUID(), user_id: randomUUID(), audience: 'https://tools.example/mcp', mode: 'idp_token' },
  ...{ scopes: '', revision: 1, ...more }
})
const fail = (why: string): never => {
  throw new Error(why)
}
const timeOf = async (key = keyOf()) => (await shared.look(key)).lookedAt ?? fail('Redis did not answer')
const minted = {
  ...{ token: randomBytes(32).toString('base64url'), expires_at: 4_000_000_000, reusable: true, subject: 'ann' },
  ...{ jti: null, generation: null, grant_id: null, connection_id: null }
}
recordSecrets([minted.token])

t.test('what one replica keeps another finds, under the whole key and no other', async (t) => {
  const key = keyOf()
  await shared.keep(key, minted, { tags: ['user:1'], lookedAt: await timeOf() })
  t.match((await shared.look(key)).found, { minted })
  const others = {
    tenant_id: randomUUID(),
    user_id: randomUUID(),
    audience: 'https://x.example',
    mode: 'signed',
    scopes: 'a'
  }
  for (const [name, value] of Object.entries(others))
    t.equal((await shared.look({ ...key, [name]: value })).found, undefined, `another ${name}`)
})

t.test('what depends on something emptied is not given out, whenever its fetch began', async (t) => {
  const [kept, underWay, other] = [keyOf(), keyOf(), keyOf()]
  const [grant, elsewhere] = [`grant:${randomUUID()}`, `grant:${randomUUID()}`]
  const lookedAt = await timeOf()
  await shared.keep(kept, minted, { tags: ['user:1', grant], lookedAt })
  await shared.keep(other, minted, { tags: ['user:1', elsewhere], lookedAt })
  await shared.empty(grant)
  await shared.keep(underWay, minted, { tags: [grant], lookedAt })
  t.equal((await shared.look(kept)).found, undefined, 'kept before')
  t.equal((await shared.look(underWay)).found, undefined, 'fetched before, kept after')
  t.match((await shared.look(other)).found, { minted }, 'what depends on something else stays')

  // Redis' clock has milliseconds.
  const emptiedAt = await timeOf()
  let anew = emptiedAt
  while (anew <= emptiedAt) anew = await timeOf()
  await shared.keep(kept, minted, { tags: [grant], lookedAt: anew })
  t.match((await shared.look(kept)).found, { minted }, 'fetched after')
})

t.test('nothing is used for long, and nothing stays', async (t) => {
  const key = keyOf()
  const lookedAt = await timeOf()
  await shared.keep(key, minted, { tags: [], lookedAt: lookedAt - 15_000 })
  t.equal((await shared.look(key)).found, undefined, 'it was certain too long ago')
  await shared.keep(key, minted, { tags: [], lookedAt: lookedAt - 5_000 })
  const { found } = await shared.look(key)
  t.ok(found && found.ageMs >= 5_000, 'its age is told, so that the next layer counts on')
  await shared.empty('grant:x')
  for (const name of await admin.keys('identity-broker:minted:*'))
    t.ok((await admin.pttl(name)) > 0, `${name} ends by itself`)
})

const entries = async () =>
  (await admin.keys('identity-broker:minted:*')).filter((name) => !name.startsWith('identity-broker:minted:emptied:'))

/** Keeps it, and says under which name Redis holds it. */
const keepNamed = async (key: ReturnType<typeof keyOf>, lookedAt: number): Promise<string> => {
  const before = new Set(await entries())
  await shared.keep(key, minted, { tags: [], lookedAt })
  return (await entries()).find((name) => !before.has(name)) ?? fail('nothing was kept')
}

t.test('Redis holds nothing in clear, and what is moved to another key opens nothing', async (t) => {
  const [mine, theirs] = [keyOf(), keyOf()]
  const lookedAt = await timeOf()
  const held = await admin.hgetall(await keepNamed(mine, lookedAt))
  t.notMatch(JSON.stringify(held), minted.token)
  await admin.hset(await keepNamed(theirs, lookedAt), held)
  t.equal((await shared.look(theirs)).found, undefined, 'a token of somebody else')
  t.match((await shared.look(mine)).found, { minted })
})

t.test('an older token put back by hand is not used as a new one', async (t) => {
  const key = keyOf()
  const lookedAt = await timeOf()
  const name = await keepNamed(key, lookedAt - 5_000)
  t.match((await shared.look(key)).found, { minted })
  await admin.hset(name, { started: lookedAt })
  t.equal((await shared.look(key)).found, undefined, 'its time is part of what was sealed')
})

t.test('nor as one of another connection or generation', async (t) => {
  const key = keyOf()
  const lookedAt = await timeOf()
  const name = await keepNamed(key, lookedAt)
  for (const [field, other] of Object.entries({ connection: randomUUID(), generation: '2' })) {
    const held = await admin.hget(name, field)
    await admin.hset(name, { [field]: other })
    t.equal((await shared.look(key)).found, undefined, field)
    await admin.hset(name, { [field]: held ?? '' })
    t.match((await shared.look(key)).found, { minted })
  }
})

t.test('without Redis nothing is found and nothing fails', async (t) => {
  await backends.redis.stop()
  t.same(await shared.look(keyOf()), { found: undefined, lookedAt: undefined })
})
