import { createHash } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import { eventually, untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { hashDeviceCode } from '../../src/device-code/device-code.ts'
import * as scripts from '../../src/device-code/scripts.ts'
import { startCutReplica } from '../cut-proxy.ts'
import { decideAs, letTimePass, poll, send, signInDevice, startFlow, startService } from '../start.ts'

const running = await startService(t)
const { app, broker, backends, redis, startReplica } = running
const other = await startReplica()

const admin = new Client({ connectionString: backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())

const account = (token: string) =>
  send(app, 'GET', '/openapi/v1/account', { headers: { authorization: `Bearer ${token}` } })

t.test('of 200 pollers at once, on two replicas, exactly one gets the token', async (t) => {
  const who = await broker.signIn()
  for (let round = 0; round < 3; round += 1) {
    const { device_code, user_code } = await startFlow(app)
    await decideAs(app, 'approve', who, user_code)
    const pollers = Array.from({ length: 200 }, (_, index) => poll(index % 2 ? app : other, device_code))
    const answers = await Promise.all(pollers)
    // On a busy machine a poll may give up waiting for Redis; then its approval is still there.
    await letTimePass(redis)
    answers.push(await poll(app, device_code))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    const others = answers.filter(({ status }) => status !== 200).map(({ body }) => body.error)
    t.ok(others.every((error) => ['expired_token', 'authorization_pending', 'unavailable'].includes(error)))
  }
})

t.test('when identity-broker cannot be asked, the approval waits for the next poll', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app)
  await decideAs(app, 'approve', who, user_code)
  const [key = ''] = await redis.keys('device-auth:code:*')
  const endsAt = await redis.pexpiretime(key)
  broker.failFindUser(new ReportedError('unavailable', 'not now'))
  t.match(await poll(app, device_code), {
    status: 503,
    body: { error: 'unavailable' },
    headers: { 'retry-after': '5' }
  })
  t.ok(Math.abs((await redis.pexpiretime(key)) - endsAt) < 50, 'for its remaining time')
  t.match(await poll(app, device_code), { body: { error: 'slow_down' } }, 'and keeps its rules')
  await letTimePass(redis)
  t.match(await poll(app, device_code), { status: 200 })
  t.match(await poll(app, device_code), { body: { error: 'expired_token' } })
})

t.test('a poll whose answer from Redis gets lost still has its outcome, and once', async (t) => {
  const { proxy, cut, who } = await startCutReplica(t, running)
  const waiting = await startFlow(app)
  for (const script of [scripts.poll, scripts.spend]) {
    const { device_code, user_code } = await startFlow(app)
    await decideAs(app, 'approve', who, user_code)
    proxy.cutAnswersTo(createHash('sha1').update(script).digest('hex'), 1)
    t.match(await poll(cut, device_code), { status: 200 })
    t.match(await poll(app, device_code), { body: { error: 'expired_token' } })
  }
  proxy.cutAnswersTo(createHash('sha1').update(scripts.poll).digest('hex'), 1)
  t.match(
    await poll(cut, waiting.device_code),
    { body: { error: 'authorization_pending' } },
    'and nobody is slowed down'
  )
  t.equal(proxy.cuts(), 3)
})

t.test('a token is handed out though nobody heard that its user code was forgotten', async (t) => {
  const { proxy, cut, who } = await startCutReplica(t, running)
  const { device_code, user_code } = await startFlow(app)
  await decideAs(app, 'approve', who, user_code)
  proxy.cutAnswersTo('device-auth:user-code:', 1_000)
  const { status, body } = await poll(cut, device_code)
  t.equal(status, 200)
  t.match(await account(body.token), { status: 200 })
  t.ok(proxy.cuts() > 0)
  t.match(await decideAs(app, 'approve', who, user_code), { status: 404 }, 'and it leads nowhere')
})

t.test('a flow that an older or newer replica wrote more of is read all the same', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app)
  await redis.hset(`device-auth:code:${hashDeviceCode(device_code)}`, 'token_id', 'of the reference', 'x', '1')
  t.match(await decideAs(app, 'approve', who, user_code), { status: 200 })
  t.match(await poll(app, device_code), { status: 200, body: { account: { id: who.user_id } } })
})

t.test('an approval taken by a replica that is gone is there again when its lease has ended', async (t) => {
  const { proxy, cut, who } = await startCutReplica(t, running)
  const { device_code, user_code } = await startFlow(app)
  await decideAs(app, 'approve', who, user_code)
  proxy.cutAnswersTo(createHash('sha1').update(scripts.poll).digest('hex'), 1_000)
  t.match(await poll(cut, device_code), { status: 503, body: { error: 'unavailable' } })
  t.match(await poll(app, device_code), { body: { error: 'authorization_pending' } }, 'until then it waits')
  await letTimePass(redis)
  t.match(await poll(app, device_code), { status: 200 })
})

t.test('a poll that was overtaken hands nothing out', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app)
  await decideAs(app, 'approve', who, user_code)
  const key = `device-auth:code:${hashDeviceCode(device_code)}`
  await admin.query('begin')
  await admin.query('lock table device_auth.device_token in exclusive mode')
  const slow = poll(app, device_code)
  await eventually(
    () => redis.hexists(key, 'taker'),
    (found) => found === 1
  )
  await redis.hset(key, 'taker', 'another poll')
  await admin.query('commit')
  t.match(await slow, { status: 503, body: { error: 'unavailable' } })
})

t.test('when the token cannot be stored, the approval waits and the old token works on', async (t) => {
  const who = await broker.signIn()
  const { body: old } = await signInDevice(app, who)
  const { device_code, user_code } = await startFlow(app)
  await decideAs(app, 'approve', who, user_code)
  await admin.query('begin')
  await admin.query('lock table device_auth.device_token in exclusive mode')
  t.match(await poll(app, device_code), { status: 503, body: { error: 'unavailable' } })
  await admin.query('rollback')
  t.match(await account(old.token), { status: 200 })
  await letTimePass(redis)
  const { status, body } = await poll(app, device_code)
  t.equal(status, 200)
  t.equal(body.token_id, old.token_id, 'rotated in place')
  t.match(await account(body.token), { status: 200, body: { token_id: old.token_id } })
  t.match(await account(old.token), { status: 401, body: { code: 'invalid_bearer' } })
})

t.test('the old token dies only when the new one is handed out', async (t) => {
  const who = await broker.signIn()
  const { body: old } = await signInDevice(app, who, { device_label: 'mine' })
  const { body: elsewhere } = await signInDevice(app, who, { device_label: 'another' })
  const { device_code, user_code } = await startFlow(app, { device_label: 'mine' })
  t.match(await account(old.token), { status: 200 })
  await decideAs(app, 'approve', who, user_code)
  t.match(await account(old.token), { status: 200 }, 'approved is not yet handed out')
  const { body: fresh } = await poll(app, device_code)
  t.equal(fresh.token_id, old.token_id)
  t.not(fresh.token, old.token)
  t.match(await account(old.token), { status: 401 })
  t.match(await account(fresh.token), { status: 200 })
  t.match(await account(elsewhere.token), { status: 200 }, 'other devices are not touched')
})

t.test('two first sign-ins of one device at once leave one row and no fault', async (t) => {
  const who = await broker.signIn()
  const flows = [await startFlow(app), await startFlow(app)]
  for (const { user_code } of flows) await decideAs(app, 'approve', who, user_code)
  // Both wait at the table, so that both have seen it empty.
  await admin.query('begin')
  await admin.query('lock table device_auth.device_token in exclusive mode')
  const polls = flows.map(({ device_code }, index) => poll(index ? app : other, device_code))
  await untilLocked(admin, 2)
  await admin.query('commit')
  const answers = await Promise.all(polls)
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200]
  )
  const ids = answers.map(({ body }) => body.token_id)
  t.equal(ids[0], ids[1])
  const { rows } = await admin.query('select id from device_auth.device_token where user_id = $1', [who.user_id])
  t.strictSame(rows, [{ id: ids[0] }])
  const alive = await Promise.all(answers.map(({ body }) => account(body.token)))
  t.strictSame(alive.map(({ status }) => status).sort(), [200, 401])
})
