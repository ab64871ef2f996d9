import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { clientId, decideAs, lookUp, poll, send, startFlow, startService } from '../start.ts'

const { app, broker, backends, startReplica } = await startService(t)
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
  t.ok(wait > 280 && wait <= 300)
})

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
  const { device_code, user_code } = await startFlow(app, {}, '10.0.0.5')
  await backends.redis.stop()
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
    ({ status }) => status === 200
  )
  t.equal(back.status, 200)
})
