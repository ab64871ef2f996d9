import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { connect } from 'nats'
import { Client } from 'pg'
import t from 'tap'
import { startBackends } from '../src/index.ts'

const natsConfigFile = fileURLToPath(new URL('nats.fixture.conf', import.meta.url))
const backends = await startBackends(t, { natsConfigFile })

const redisOf = (url: string | undefined) =>
  new Redis(url ?? '', { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 }).on('error', () => {})

const connectPostgres = async (t: Tap, url: string | undefined) => {
  const client = new Client({ connectionString: url ?? '' })
  await client.connect()
  t.teardown(() => client.end())
  return client
}
type Tap = { teardown: (handler: () => Promise<void>) => unknown }

t.test('a service reads and writes its own schema without naming it, and no other', async (t) => {
  const broker = await connectPostgres(t, backends.environmentFor('identity-broker').DATABASE_URL)
  const invoker = await connectPostgres(t, backends.environmentFor('tool-invoker').DATABASE_URL)
  await broker.query('CREATE TABLE testkit_secret (value text)')
  await broker.query("INSERT INTO testkit_secret VALUES ('mine')")
  t.match(await broker.query('SELECT value FROM identity_broker.testkit_secret'), { rows: [{ value: 'mine' }] })

  await t.rejects(invoker.query('SELECT value FROM identity_broker.testkit_secret'), { code: '42501' })
  await t.rejects(invoker.query("INSERT INTO identity_broker.testkit_secret VALUES ('x')"), { code: '42501' })
  await t.rejects(invoker.query('CREATE TABLE identity_broker.testkit_other ()'), { code: '42501' })
  await t.rejects(invoker.query('CREATE TABLE public.testkit_other ()'), { code: '42501' })
  await t.rejects(invoker.query('ALTER ROLE identity_broker PASSWORD NULL'), { code: '42501' })
})

t.test('a service sees its own Redis keys, and no other', async (t) => {
  const broker = redisOf(backends.environmentFor('identity-broker').REDIS_URL)
  const invoker = redisOf(backends.environmentFor('tool-invoker').REDIS_URL)
  t.teardown(() => {
    broker.disconnect()
    invoker.disconnect()
  })

  t.equal(await broker.set('identity-broker:token', 'mine', 'EX', 60), 'OK')
  t.equal(await broker.eval("return redis.call('get', KEYS[1])", 1, 'identity-broker:token'), 'mine')
  const denied = { message: /NOPERM|can't access|can't run/i }
  await t.rejects(invoker.get('identity-broker:token'), denied)
  await t.rejects(invoker.eval("return redis.call('get', 'identity-broker:token')", 0), denied)
  await t.rejects(invoker.subscribe('identity-broker:changes'), denied)
  for (const command of ['SCAN 0', 'KEYS *', 'RANDOMKEY', 'FLUSHALL', 'CONFIG GET *', 'ACL LIST', 'SCRIPT FLUSH']) {
    const [name = '', ...args] = command.split(' ')
    await t.rejects(invoker.call(name, args), denied, command)
  }
})

t.test('nobody gets into Redis or NATS without a password', async (t) => {
  const stranger = redisOf(`redis://127.0.0.1:${backends.redis.port}`)
  t.teardown(() => stranger.disconnect())
  await t.rejects(stranger.get('identity-broker:token'), { message: /NOAUTH/ })
  await t.rejects(connect({ servers: backends.nats.url, reconnect: false }), { code: 'AUTHORIZATION_VIOLATION' })
})

t.test('a server comes back on the same port with the same passwords', async (t) => {
  const {
    NATS_URL: servers = '',
    NATS_USER: user = '',
    NATS_PASSWORD: pass = ''
  } = backends.environmentFor('device-auth')
  const before = { nats: backends.nats.pid(), redis: backends.redis.pid() }
  const writer = redisOf(backends.environmentFor('identity-broker').REDIS_URL)
  t.teardown(() => writer.disconnect())
  await writer.multi().set('identity-broker:one', '1').set('identity-broker:two', '2').exec()
  await Promise.all([backends.nats.restart(), backends.redis.restart()])
  t.not(backends.nats.pid(), before.nats)
  t.not(backends.redis.pid(), before.redis)

  const connection = await connect({ servers, user, pass, reconnect: false })
  await connection.close()
  const broker = redisOf(backends.environmentFor('identity-broker').REDIS_URL)
  t.teardown(() => broker.disconnect())
  t.equal(await broker.get('identity-broker:token'), 'mine', 'what was stored is still there')
  t.same(await broker.mget('identity-broker:one', 'identity-broker:two'), ['1', '2'], 'also what was stored together')
})
