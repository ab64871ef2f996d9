import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { clientId, decideAs, lookUp, poll, send, signInDevice, startFlow, startService } from '../start.ts'

const { app, broker, backends, redis, startReplica } = await startService(t)
const other = await startReplica()
const path = '/openapi/v1/oauth/device'
const newCode = (remoteAddress: string, body: object = { client_id: clientId }) =>
  send(app, 'POST', `${path}/code`, { body, remoteAddress })

t.test('an address gets 60 codes an hour, bad requests counted, over all replicas', async (t) => {
  await newCode('10.0.0.1', { client_id: 'stranger' })
  for (let made = 1; made < 60; made += 1) await newCode('10.0.0.1')
  const refused = await newCode('10.0.0.1')
  t.match(refused, { status: 429, body: { error: 'too_many_requests' } })
  const wait = Number(refused.headers['retry-after'])
  t.ok(wait > 3_500 && wait <= 3_600)
  const elsewhere = { body: { client_id: clientId }, remoteAddress: '10.0.0.1' }
  t.equal((await send(other, 'POST', `${path}/code`, elsewhere)).status, 429)
  t.equal((await newCode('10.0.0.2')).status, 200, 'another address is not concerned')
  t.equal((await lookUp(app, 'AAAA-AAAA', { remoteAddress: '10.0.0.1' })).status, 200, 'nor is another limit')
})

t.test('a client has 50,000 flows in a quarter of an hour, from whatever addresses, and no more', async (t) => {
  const key = `device-auth:limit:client-code:${clientId}`
  await redis.del(key)
  await newCode('10.2.0.1')
  t.equal(await redis.get(key), '1')
  t.ok((await redis.pttl(key)) > 0)
  await redis.incrby(key, 49_998)
  t.equal((await newCode('10.2.0.2')).status, 200)
  const answers = await Promise.all([newCode('10.2.0.3'), newCode('10.2.0.4'), newCode('10.2.0.5')])
  for (const refused of answers)
    t.match(refused, { status: 429, body: { error: 'too_many_requests' }, headers: { 'retry-after': /^\d{2,3}$/ } })
  await redis.del(key)
  t.equal((await newCode('10.2.0.3')).status, 200)
})

t.test('the IPv6 networks of a /48 get 600 codes an hour together, each its 60', async (t) => {
  const key = 'device-auth:limit:site-code:2001:db8:1'
  t.equal((await newCode('2001:db8:1:1::1')).status, 200)
  t.equal(await redis.get(key), '1')
  await redis.incrby(key, 598)
  t.equal((await newCode('2001:db8:1:2::1')).status, 200)
  const refused = await newCode('2001:db8:1:ffff::1')
  t.match(refused, { status: 429, body: { error: 'too_many_requests' }, headers: { 'retry-after': /^3[56]\d\d$/ } })
  t.equal((await newCode('2001:db8:2:1::1')).status, 200, 'another /48 is not concerned')
})

t.test('an address that a stranger names counts for nothing, and that of a proxy we know does', async (t) => {
  const body = { client_id: clientId }
  const named = (one: typeof app, client: string, remoteAddress: string) =>
    send(one, 'POST', `${path}/code`, { body, headers: { 'x-forwarded-for': client }, remoteAddress })
  const user_code = (await named(app, '10.7.7.7', '10.0.0.6')).body.user_code
  const { headers } = await broker.signIn()
  t.match(await lookUp(app, user_code, { headers }), { body: { created_ip: '10.0.0.6' } })
  const behind = await startReplica({ environment: { TRUSTED_PROXIES: '10.0.0.7' } })
  const forwarded = (await named(behind, '6.6.6.6, 10.7.7.7', '10.0.0.7')).body.user_code
  t.match(
    await lookUp(behind, forwarded, { headers }),
    { body: { created_ip: '10.7.7.7' } },
    'what the proxy itself saw'
  )
})

t.test('nobody guesses more than 60 codes in 5 minutes, whatever they look like', async (t) => {
  const { user_code } = await startFlow(app)
  const spellings = [user_code, user_code.toLowerCase(), user_code.replace('-', ''), 'nonsense']
  for (let asked = 0; asked < 60; asked += 1) {
    const spelling = spellings[asked % spellings.length] ?? ''
    await lookUp(app, spelling, { remoteAddress: '10.0.0.3' })
  }
  const refused = await lookUp(app, user_code, { remoteAddress: '10.0.0.3' })
  t.match(refused, { status: 429, body: { error: 'too_many_requests' } })
  const wait = Number(refused.headers['retry-after'])
  t.ok(wait > 180 && wait <= 300, `${wait} s`)
})

t.test('somebody who is signed in guesses no more by coming from many addresses', async (t) => {
  const { headers } = await broker.signIn()
  const from = (index: number) => lookUp(app, 'AAAA-AAAA', { headers, remoteAddress: `10.1.0.${index}` })
  for (let asked = 0; asked < 60; asked += 1) await from(asked)
  t.match(await from(60), { status: 429, headers: { 'retry-after': /^(1[89]\d|2\d\d|300)$/ } })
})

t.test(
  'strangers share one budget of different wrong codes, and who is signed in is not locked out by it',
  async (t) => {
    const key = 'device-auth:limit:guesses'
    const who = await broker.signIn()
    const { user_code } = await startFlow(app, {}, '10.0.0.8')
    // What is counted without much room is exact only for the first one.
    await redis.del(key)
    for (const typed of ['BBBB-BBBB', 'bbbbbbbb', 'b-b-b-b b b b b', user_code, 'no code at all'])
      await lookUp(app, typed, { remoteAddress: '10.0.0.8' })
    t.equal(
      await redis.pfcount(key),
      1,
      'however it is typed, one code is one guess; a right or impossible one is none'
    )
    t.ok((await redis.pttl(key)) > 3_500_000)
    await redis.del(key)
    await decideAs(app, 'deny', who, 'CCCC-CCCC')
    t.equal(await redis.pfcount(key), 1, 'and so is one that is decided')
    for (let from = 0; from < 11_000; from += 1_000)
      await redis.pfadd(key, ...Array.from({ length: 1_000 }, (_, index) => `guess ${from + index}`))
    const refused = await lookUp(other, user_code, { remoteAddress: '10.0.0.9' })
    t.match(refused, { status: 429, body: { error: 'too_many_requests' }, headers: { 'retry-after': /^3[56]\d\d$/ } })
    t.match(await lookUp(app, user_code, { headers: who.headers, remoteAddress: '10.0.0.9' }), {
      body: { valid: true }
    })
    t.match(await decideAs(app, 'approve', who, user_code), { status: 200 })
    await redis.del(key)
    t.match(await lookUp(app, user_code, { remoteAddress: '10.0.0.9' }), { status: 200 })
  }
)

t.test('a user decides 10 times an hour, and success does not give any back', async (t) => {
  const who = await broker.signIn()
  for (let round = 0; round < 5; round += 1) {
    const { user_code } = await startFlow(app, {}, '10.0.0.4')
    await decideAs(app, 'approve', who, user_code)
    await decideAs(other, 'deny', who, 'AAAA-AAAA')
  }
  const { user_code } = await startFlow(app, {}, '10.0.0.4')
  t.match(await decideAs(app, 'approve', who, user_code), { status: 429, headers: { 'retry-after': /^3[56]\d\d$/ } })
  t.match(await decideAs(app, 'approve', await broker.signIn(), user_code), { status: 200 }, 'other users may')
})

t.test('without Redis everything that guards or holds a code is 503, at once, and comes back by itself', async (t) => {
  const who = await broker.signIn()
  const { body: held } = await signInDevice(app, who)
  const { device_code, user_code } = await startFlow(app, {}, '10.0.0.5')
  await backends.redis.stop()
  const bearer = { headers: { authorization: `Bearer ${held.token}` } }
  const account = '/openapi/v1/account'
  const statuses: number[] = []
  while (statuses.length < 300 && statuses.at(-1) !== 429)
    statuses.push((await send(app, 'GET', account, bearer)).status)
  t.same(new Set(statuses), new Set([200, 429]), 'a token works on, and each replica counts for itself')
  t.ok(statuses.length > 60)
  const answers = [
    await newCode('10.0.0.5'),
    await poll(app, device_code),
    await lookUp(app, user_code, { remoteAddress: '10.0.0.5' }),
    await decideAs(app, 'approve', who, user_code)
  ]
  for (const answer of answers) {
    t.match(answer, { status: 503, body: { error: 'unavailable' }, headers: { 'retry-after': '5' } })
    t.notMatch(answer.body.error_description, /redis|ECONN/i)
  }
  await backends.redis.restart()
  const back = await eventually(
    () => newCode('10.0.0.5'),
    ({ status }) => status === 200,
    60
  )
  t.equal(back.status, 200)
})
