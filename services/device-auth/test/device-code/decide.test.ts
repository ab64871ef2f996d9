import { Client } from 'pg'
import t from 'tap'
import { startCutReplica } from '../cut-proxy.ts'
import { decideAs, poll, send, signInDevice, startFlow, startService } from '../start.ts'

const running = await startService(t)
const { app, broker, backends, startReplica } = running
const path = '/openapi/v1/oauth/device'
const other = await startReplica()

t.test('a code is decided once', async (t) => {
  const who = await broker.signIn()
  const { user_code } = await startFlow(app)
  t.match(await decideAs(app, 'approve', who, user_code), { status: 200 })
  for (const verb of ['approve', 'deny'] as const)
    t.match(await decideAs(app, verb, who, user_code), { status: 409, body: { error: 'already_resolved' } })
})

t.test('of two who decide at once, on two replicas, one decides', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const [ada, bob] = [await broker.signIn(), await broker.signIn()]
    const { device_code, user_code } = await startFlow(app)
    const answers = await Promise.all([
      decideAs(app, 'approve', ada, user_code),
      decideAs(other, 'approve', bob, user_code)
    ])
    t.strictSame(answers.map(({ status }) => status).sort(), [200, 409])
    const winner = answers[0].status === 200 ? ada : bob
    t.match(await poll(app, device_code), { status: 200, body: { account: { id: winner.user_id } } })
  }
})

t.test('unknown, expired and used codes are one answer', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app)
  await decideAs(app, 'approve', who, user_code)
  await poll(app, device_code)
  const used = await decideAs(app, 'approve', who, user_code)
  t.match(used, { status: 404, body: { error: 'expired_or_unknown' } })
  t.strictSame((await decideAs(app, 'approve', who, 'AAAA-AAAA')).body, used.body)
  t.strictSame((await decideAs(app, 'deny', who, 'nonsense')).body, used.body)
})

t.test('nobody decides without a session of a member and its CSRF token', async (t) => {
  const who = await broker.signIn()
  const stranger = await broker.signIn({ role: null })
  const { user_code } = await startFlow(app)
  const { body: held } = await signInDevice(app, who)
  const body = { user_code }
  const approve = (headers: Record<string, string>) => send(app, 'POST', `${path}/approve`, { headers, body })
  t.match(await approve({}), { status: 401, body: { error: 'unauthenticated' } })
  t.match(await approve({ authorization: `Bearer ${held.token}` }), { status: 401, body: { error: 'invalid_bearer' } })
  t.match(await approve({ authorization: `Bearer ${held.token}`, ...who.headers }), { status: 401 }, 'nor with both')
  t.match(await approve({ cookie: who.cookie }), { status: 403, body: { error: 'csrf_rejected' } })
  const csrfOfOther = { cookie: who.cookie, 'x-csrf-token': stranger.csrf }
  t.match(await approve(csrfOfOther), { status: 403, body: { error: 'csrf_rejected' } })
  t.match(await approve({ ...who.headers, origin: 'https://evil.example' }), { status: 403 })
  t.match(await approve({ ...who.headers, origin: 'null' }), { status: 403 }, 'a sandboxed frame')
  const fromElsewhere = { ...who.headers, origin: 'null', 'sec-fetch-site': 'cross-site' }
  t.match(await approve(fromElsewhere), { status: 403 })
  t.match(await approve(stranger.headers), { status: 403, body: { error: 'forbidden' } })
  t.match(await send(app, 'GET', `${path}/approve?user_code=${user_code}`), { status: 404 }, 'nothing by GET')
  t.match(await decideAs(app, 'approve', who, user_code), { status: 200 }, 'and the code is still there')
})

t.test('what was decided is recorded with who did it', async (t) => {
  const who = await broker.signIn()
  const label = 'audited'
  const first = await startFlow(app, { device_label: label })
  await decideAs(app, 'deny', who, first.user_code)
  const second = await startFlow(app, { device_label: label }, '10.9.9.9')
  await decideAs(app, 'approve', who, second.user_code)
  const { body } = await poll(app, second.device_code)
  const client = new Client({ connectionString: backends.adminDatabaseUrl })
  await client.connect()
  const { rows } = await client.query(
    "select * from device_auth.audit_event where details ->> 'device_label' = $1 order by id",
    [label]
  )
  await client.end()
  const facts = {
    tenant_id: who.tenant_id,
    actor_kind: 'user',
    actor_id: who.user_id,
    details: { client_id: 'onbehalf' }
  }
  t.match(rows, [
    { action: 'oauth.device_flow_denied', ...facts, subject_kind: 'device_flow', subject_id: null },
    {
      ...{ action: 'oauth.device_flow_approved', ...facts },
      details: { ...facts.details, subject_type: 'account', scopes: ['full'] }
    },
    { action: 'oauth.token_issued', ...facts, subject_id: body.token_id, details: { scopes: ['full'] } },
    { action: 'oauth.device_code_cross_ip_poll', subject_id: body.token_id, details: { creation_ip: '10.9.9.9' } }
  ])
})

t.test('a decision whose answer gets lost is asked for again, and counts once', async (t) => {
  const { proxy, cut, who } = await startCutReplica(t, running)
  const { device_code, user_code } = await startFlow(cut)
  proxy.cutAnswersTo('approved', 1)
  t.match(await decideAs(cut, 'approve', who, user_code), { status: 200, body: { status: 'approved' } })
  t.equal(proxy.cuts(), 1)
  t.match(await poll(app, device_code), { status: 200 })
})

t.test('when nobody can know whether it was stored, that is what is said', async (t) => {
  const { proxy, cut, who } = await startCutReplica(t, running)
  const { device_code, user_code } = await startFlow(cut)
  proxy.cutAnswersTo('approved', 1_000)
  const answer = await decideAs(cut, 'approve', who, user_code)
  t.match(answer, { status: 503, body: { error: 'approval_outcome_unknown' } })
  t.match(await poll(app, device_code), { status: 200 }, 'here it was stored')
})
