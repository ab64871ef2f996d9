import { ReportedError } from '@onbehalf/errors'
import { openRedis } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { createGates } from '../../src/gates/gates.ts'
import { createSlices } from '../../src/limits/slices.ts'
import { limitStore } from '../../src/limits/store.ts'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { backends, broker, devices, providers, recording } = stage
const few = { PRINCIPAL_CALLS_PER_MINUTE: '200', TENANT_CALLS_PER_MINUTE: '500', PROVIDER_CALLS_PER_MINUTE: '250' }
const replicas = await Promise.all([stage.open(few), stage.open(few)])
t.teardown(() => Promise.all(replicas.map(({ app }) => app.close())))

t.afterEach(() => recording.answer(() => ({ content: [] })))

type Headers = Record<string, string>
const register = (tenant_id: string) => providers.register({ tenant_id, server_url: recording.url, mode: 'off' })

/** Calls over both replicas in turn, in lots of twenty; how many were made, and the last that was not. */
const callMany = async (headers: Headers, server_identifier: string, count: number) => {
  const one = (index: number) => {
    const { app } = replicas[index % 2] ?? stage
    return app.inject({ method: 'POST', url: '/v1/tools/call', headers, payload: { server_identifier, tool: 'x' } })
  }
  let made = 0
  let refused: Awaited<ReturnType<typeof one>> | undefined
  for (let start = 0; start < count; start += 20)
    for (const answer of await Promise.all(Array.from({ length: 20 }, (_, index) => one(start + index)))) {
      if (answer.statusCode === 200) made += 1
      else refused = answer
    }
  return { made, refused }
}
const isNear = (made: number, max: number) => made >= max * 0.9 && made <= max

t.test('each caller, each server and each tenant has so many calls a minute, over all replicas', async (t) => {
  const user = await broker.signIn()
  const { tenant_id } = user
  const busy = register(tenant_id)
  const first = await callMany(user.headers, busy.server_identifier, 240)
  t.ok(isNear(first.made, 200), `the caller: ${first.made}`)
  t.match(first.refused?.json(), { code: 'too_many_requests', status: 429 })
  const seconds = /^([1-9]|[1-5]\d|60)$/
  t.match(first.refused?.headers, {
    ...{ 'retry-after': seconds, 'ratelimit-limit': '200', 'ratelimit-remaining': '0', 'ratelimit-reset': seconds }
  })
  const [replica] = replicas
  const list = { method: 'tools/list', jsonrpc: '2.0', id: 1 }
  const device = devices.makeToken({ tenant_id, user_id: user.user_id })
  const headers = { ...device.headers, accept: 'application/json, text/event-stream' }
  for (const asked of [
    { url: '/v1/tools', headers: user.headers },
    { method: 'POST' as const, url: '/mcp', headers, payload: list }
  ]) {
    const { statusCode } = (await replica?.app.inject(asked)) ?? {}
    t.equal(statusCode, 429, `${asked.url}: a list is counted, too`)
  }

  /** Each of so many people of a new tenant calls 180 times: these servers. */
  const callEach = async (which: number[]) => {
    const { tenant_id } = await broker.signIn()
    const servers = which.map(() => register(tenant_id))
    let made = 0
    let refused: Awaited<ReturnType<typeof callMany>>['refused']
    for (const index of which) {
      const { headers } = await broker.signIn({ tenant_id })
      const told = await callMany(headers, servers[index]?.server_identifier ?? '', 180)
      made += told.made
      refused ??= told.refused
    }
    return { made, refused }
  }
  const second = await callEach([0, 0])
  t.ok(isNear(second.made, 250), `the server: ${second.made}`)
  t.match(second.refused?.headers, { 'ratelimit-limit': '250' })
  const third = await callEach([0, 1, 2])
  t.ok(isNear(third.made, 500), `the tenant: ${third.made}`)
  t.match(third.refused?.headers, { 'ratelimit-limit': '500' })

  const elsewhere = await broker.signIn()
  const theirs = register(elsewhere.tenant_id)
  t.match(await callMany(elsewhere.headers, theirs.server_identifier, 20), { made: 20 }, 'another tenant has its own')
})

t.test(
  'who calls now and then waits for nobody, and five replicas together make no more calls than the limit',
  async (t) => {
    const { redis, close } = await openRedis(stage.environment().REDIS_URL ?? '')
    t.teardown(close)
    const { take } = limitStore(redis)
    const max = 1_000
    let time = Date.now()
    const limit = { max, windowMs: 60_000, keyOf: (group: string, id: string) => `${group}:${id}` }
    const five = Array.from({ length: 5 }, () => createSlices(take, limit, () => time))
    const isTold = async (id: string) => (await redis.exists(`tool-invoker:limit:user:${id}`)) === 1

    const [one] = five
    const seldom = async (count: number) => {
      for (const _ of Array(count)) await one?.spend('user', 'seldom')
      return isTold('seldom')
    }
    t.notOk(await seldom(10), 'a hundredth of the limit is counted here alone')
    time += 60_000
    t.ok(await seldom(1), 'and then told, in whichever minute')
    const told = () => redis.get('tool-invoker:limit:user:seldom')
    t.equal(await told(), '11')
    await seldom(10)
    t.equal(await told(), '11', 'and then a hundredth again')

    let made = 0
    let refused = 0
    while (refused < five.length) {
      refused = 0
      for (const replica of five) {
        const { current } = await replica.spend('user', 'often')
        if (current <= max) made += 1
        else refused += 1
      }
    }
    t.ok(isNear(made, max), `${made}`)
    time += 1_001
    for (const replica of five)
      t.match(await replica.spend('user', 'often'), { current: max + 1 }, 'used up is used up')

    // Each replica's own minute begins with its first call, that of Redis when it is first asked.
    const [last, ...others] = five
    const countTo = async (replica: (typeof five)[number] | undefined, most: number) => {
      let counted = 0
      for (; counted < most; counted += 1) {
        const { current } = (await replica?.spend('user', 'apart')) ?? { current: max + 1 }
        if (current > max) break
      }
      return counted
    }
    for (const replica of others) await countTo(replica, 1)
    time += 1_000
    let inOneMinute = await countTo(last, max)
    time += 58_000
    for (const replica of others) inOneMinute += await countTo(replica, 9)
    time += 1_500
    for (const replica of others) inOneMinute += await countTo(replica, 9)
    t.ok(inOneMinute <= max, `${inOneMinute}`)
  }
)

t.test('a server that only fails is left alone, and the others are called', async (t) => {
  // For longer than any test: none of the calls below is the one that tries it again.
  const { app } = await stage.open({}, undefined, { pauseMs: 600_000, pauseMsMax: 600_000 })
  t.teardown(() => app.close())
  const user = await broker.signIn()
  const dead = register(user.tenant_id)
  const alive = providers.register({ ...user, server_url: `${recording.url}?alive`, mode: 'off' })
  recording.answer(({ tool }, raw) => {
    if (tool === 'fine') return { content: [] }
    raw.writeHead(tool === 'refuse' ? 500 : 503).end()
    return undefined
  })
  const ask = async ({ server_identifier }: { server_identifier: string }, tool: string) => {
    const payload = { server_identifier, tool }
    const answer = await app.inject({ method: 'POST', url: '/v1/tools/call', headers: user.headers, payload })
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
  }
  for (const _ of Array(12)) await ask(dead, 'refuse')
  t.equal((await ask(dead, 'fine')).status, 200, 'one that fails at a call is not away')
  for (const _ of Array(10)) t.match(await ask(dead, 'die'), { status: 502, body: { code: 'upstream_unavailable' } })
  const before = recording.calls().length
  const refused = await ask(dead, 'fine')
  t.match(refused, { status: 502, headers: { 'retry-after': /^[56]\d\d$/ }, body: { code: 'upstream_unavailable' } })
  t.equal(recording.calls().length, before)
  t.equal((await ask(alive, 'fine')).status, 200)

  const list = async () => (await app.inject({ url: '/v1/calls?limit=50', headers: user.headers })).json().data
  const rows: { outcome: string; upstream_status: number | null }[] = await eventually(
    list,
    ({ length }) => length >= 25
  )
  const statuses = rows.map(({ upstream_status }) => upstream_status)
  t.same(statuses.slice(0, 3), [200, null, 503], 'the newest first: alive, left alone, dead')
  t.equal(statuses.at(-1), 500)
})

const away = () => Promise.reject(new ReportedError('upstream_unavailable', 'Nobody is there.'))
const fine = () => Promise.resolve('fine')
const server = { provider_id: 'p', revision: 1, tenant_id: 'a', server_url: 'https://hosted.example/mcp' }

t.test('after a pause one call tries the server, and while it fails the pauses grow', async (t) => {
  let time = 0
  const gates = createGates({ failuresMax: 3, pauseMs: 1_000, pauseMsMax: 3_000 }, () => time)
  const { signal } = new AbortController()
  const through = <Value>(work: () => Promise<Value>, revision = 1) =>
    gates.through({ provider: { ...server, revision }, isPatient: true, signal }, work)
  const leftAlone = (seconds: number) => ({ message: /tried again shortly/, extras: { retry_after_seconds: seconds } })
  const older = Promise.withResolvers<never>()
  const leaving = new AbortController()
  const underWay = gates.through({ provider: server, isPatient: true, signal: leaving.signal }, () => older.promise)
  for (const _ of Array(3)) await t.rejects(through(away), { message: 'Nobody is there.' })
  await t.rejects(through(fine), leftAlone(1))
  t.equal(await through(fine, 2), 'fine', 'a provider that was changed is another server')
  for (const [pauseMs, next] of [
    [1_000, 2],
    [2_000, 3],
    [3_000, 3]
  ] as const) {
    time += pauseMs
    const { promise: held, reject: fail } = Promise.withResolvers<never>()
    const probe = through(() => held)
    leaving.abort()
    older.reject(new Error('gone'))
    await t.rejects(underWay, { message: 'gone' })
    await t.rejects(through(fine), { message: /tried again shortly/ }, 'one call, whoever leaves meanwhile')
    fail(new ReportedError('upstream_timeout', 'Nobody answered.'))
    await t.rejects(probe, { code: 'upstream_timeout' })
    await t.rejects(through(fine), leftAlone(next))
  }
  time += 3_000
  t.equal(await through(fine), 'fine')
  for (const _ of Array(2)) await t.rejects(through(away), { message: 'Nobody is there.' })
  t.equal(await through(fine), 'fine', 'and then it begins anew')
})

t.test('where too many servers are known, those that are not left alone are forgotten first', async (t) => {
  const gates = createGates({ gatesMax: 2, failuresMax: 1, pauseMs: 600_000, pauseMsMax: 600_000 })
  const { signal } = new AbortController()
  const through = <Value>(provider_id: string, work: () => Promise<Value>) =>
    gates.through({ provider: { ...server, provider_id }, isPatient: true, signal }, work)
  await t.rejects(through('dead', away), { message: 'Nobody is there.' })
  for (const name of ['one', 'two', 'three']) t.equal(await through(name, fine), 'fine')
  await t.rejects(through('dead', fine), { message: /tried again shortly/ })
  await t.rejects(through('dying', away), { message: 'Nobody is there.' })
  t.equal(await through('four', fine), 'fine')
  await t.rejects(through('dying', fine), { message: /tried again shortly/ })
  t.equal(await through('dead', fine), 'fine', 'and then the oldest')
})

t.test('where too many servers are known, none is forgotten while calls to it are under way', async (t) => {
  const gates = createGates({ gatesMax: 300, callsMax: 1, waitingMax: 0 })
  const { signal } = new AbortController()
  const through = <Value>(name: string, work: () => Promise<Value>) =>
    gates.through({ provider: { ...server, provider_id: name }, isPatient: true, signal }, work)
  const goOn = Promise.withResolvers<void>()
  const busy = Array.from({ length: 250 }, (_, index) => `busy ${index}`)
  const held = busy.map((name) => through(name, () => goOn.promise))
  for (let index = 0; index < 1_000; index += 1) t.equal(await through(`other ${index}`, fine), 'fine')
  for (const name of busy) await t.rejects(through(name, fine), { message: /Too many calls wait/ })
  goOn.resolve()
  await Promise.all(held)
})

t.test('one server gets so many calls at once, the others wait in a line of so many', async (t) => {
  const gates = createGates({ callsMax: 1, waitingMax: 2 })
  const leaving = new AbortController()
  const through = <Value>(work: () => Promise<Value>, { signal } = new AbortController()) =>
    gates.through({ provider: server, isPatient: true, signal }, work)
  const { promise: held, resolve: goOn } = Promise.withResolvers<string>()
  const order: string[] = []
  const noting = (name: string) => async () => order.push(name)
  const first = through(() => held)
  const second = through(noting('second'), leaving)
  const third = through(noting('third'))
  await t.rejects(through(fine), { code: 'upstream_unavailable', message: /wait/ })
  leaving.abort(new Error('gone'))
  await t.rejects(second, { message: 'gone' })
  const fourth = through(noting('fourth'))
  goOn('first')
  t.equal(await first, 'first')
  await Promise.all([third, fourth])
  t.same(order, ['third', 'fourth'])
  t.equal(await through(fine), 'fine')
})

t.test('no tenant takes the places at an origin that others need, whatever number of providers it has', async (t) => {
  const gates = createGates({ originCallsMax: 6 })
  const { signal } = new AbortController()
  const ends = new Map<string, () => void>()
  /** A call that is under way until it is ended. */
  const begin = (name: string, more: Partial<typeof server> = {}) => {
    const { promise, resolve } = Promise.withResolvers<string>()
    ends.set(name, () => resolve(name))
    const provider = { ...server, provider_id: name, server_url: `${server.server_url}/${name}`, ...more }
    return gates.through({ provider, isPatient: true, signal }, () => promise)
  }
  const refused = {
    code: 'upstream_unavailable',
    message: /to where this MCP server is/,
    extras: { retry_after_seconds: 1 }
  }
  const ofA = ['a1', 'a2', 'a3'].map((name) => begin(name))
  await t.rejects(begin('a4'), refused, 'half of them is left for others')
  const b = { tenant_id: 'b' }
  const ofB = ['b1', 'b2'].map((name) => begin(name, b))
  await t.rejects(begin('b3', b), refused)
  const ofC = begin('c1', { tenant_id: 'c' })
  const elsewhere = begin('e', { server_url: 'https://other.example/mcp' })
  for (const end of ends.values()) end()
  t.same(await Promise.all([...ofA, ...ofB, ofC, elsewhere]), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1', 'e'])
  const again = begin('a4')
  ends.get('a4')?.()
  t.equal(await again, 'a4', 'and they are free again')
})

t.test('while Redis is away each replica counts for itself', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  await backends.redis.stop()
  const { made, refused } = await callMany(user.headers, server_identifier, 460)
  t.equal(made, 400)
  t.equal(refused?.statusCode, 429)
})
