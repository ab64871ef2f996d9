import { ReportedError } from '@onbehalf/errors'
import { eventually, recordSecrets } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { startCutReplica } from '../cut-proxy.ts'
import { externalIssuer, letTimePass, poll, send, startFlow, startService } from '../start.ts'
import { approveAs, beginSso, completeAs, decide, mount, newSubject, openBrowser, setCookies } from './browser.ts'

const running = await startService(t)
const { app, broker, backends, publicUrl, redis, startReplica } = running
const other = await startReplica()
const admin = new Client({ connectionString: backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())
const auditOf = async (user_id: string) =>
  (await admin.query('select * from device_auth.audit_event where actor_id = $1 order by id', [user_id])).rows

t.test('somebody who is no member signs a device in by single sign-on, at either mount', async (t) => {
  for (const [at, completeAt] of [
    [mount, mount],
    ['/v1/oauth/device', '/v1/device']
  ] as const) {
    const subject = await newSubject(broker)
    const { device_code, user_code } = await startFlow(app, { tenant: 'acme' }, '10.1.2.3')
    const browser = openBrowser(app)
    browser.cookies.set('onbehalf_device_approval', 'of another flow')
    const typed = encodeURIComponent(` ${user_code.toLowerCase()} `)
    const away = await browser.ask('GET', `${at}/sso-initiate?user_code=${typed}`)
    t.match(away, { status: 303, headers: { location: /^https:\/\/idp\.partner\.example\/authorize/ } })
    t.notOk(browser.cookies.has('onbehalf_device_approval'), 'what was to be approved before is let go')
    const state = broker.deviceSso.states().at(-1)
    t.match(state, { intent: 'device_flow', tenant: 'acme', return_url: `${publicUrl}${mount}/sso-complete` })
    const told = JSON.stringify(state).toUpperCase().replaceAll('-', '')
    t.notOk(told.includes(user_code.replace('-', '')), 'the code itself goes to nobody')
    const names = [...browser.cookies.keys()].sort()
    t.match(names, [/^onbehalf_device_sso_/, /^onbehalf_sign_in_/])

    const flow = { nonce: state?.nonce ?? '', user_code_hash: state?.user_code_hash ?? '' }
    const assertion = await broker.deviceSso.assert({ ...subject, ...flow })
    const back = await browser.ask('GET', `${completeAt}/sso-complete?sso_assertion=${assertion}`)
    t.match(back, {
      status: 303,
      headers: { location: `${publicUrl}/device?sso_verified=1`, 'cache-control': 'no-store' }
    })
    const [approval = ''] = setCookies(back).filter((line) => line.startsWith('onbehalf_device_approval='))
    t.match(approval, /^onbehalf_device_approval=[\w-]{43}; Max-Age=300; Path=\/; HttpOnly; SameSite=Lax$/)
    t.notOk(browser.cookies.has(names[0] ?? ''))
    const inRedis = await redis.get((await redis.keys('device-auth:sso-grant:*')).at(-1) ?? '')
    t.notMatch(Buffer.from(String(inRedis), 'base64').toString('latin1'), user_code, 'what is kept is sealed')

    const context = await browser.ask('GET', `${at}/approval-context`)
    const who = { subject_email: subject.email, subject_issuer: externalIssuer }
    const device = { client_id: 'onbehalf', device_label: 'laptop', created_ip: '10.1.2.3' }
    t.match(context, { status: 200, body: { ...who, user_code, ...device, csrf_token: /^[\w-]{32}$/ } })
    const { expires_at, csrf_token } = context.body
    recordSecrets([csrf_token])
    t.ok(Math.abs(Date.parse(expires_at) - Date.now() - 300_000) < 10_000)
    t.strictSame(
      (await browser.ask('GET', `${at}/approval-context`)).body.csrf_token,
      csrf_token,
      'reading uses nothing up'
    )

    const sent = { headers: { 'x-csrf-token': csrf_token }, body: { user_code, email: 'x@y.z', user_id: 'somebody' } }
    const approved = await browser.ask('POST', `${at}/approve-external`, sent)
    t.match(approved, { status: 200, body: { status: 'approved' } })
    t.notOk(browser.cookies.has('onbehalf_device_approval'), 'and nothing is left in the browser')
    const { status, body } = await poll(app, device_code)
    t.equal(status, 200)
    t.match(body, { token: /^dfoe_[\w-]{43}$/, subject_type: 'external_sso', account: null, workspaces: [] })
    t.match(body, { default_workspace_id: null, ...who, access_token: body.token, token_type: 'Bearer' })
    const mine = { headers: { authorization: `Bearer ${body.token}` } }
    t.match(await send(app, 'GET', '/openapi/v1/account', mine), { status: 200, body: who })
    const facts = { tenant_id: subject.tenant_id, details: { subject_type: 'external_sso' } }
    t.match(await auditOf(subject.user_id), [
      { action: 'oauth.device_flow_approved', ...facts, details: { ...facts.details, scopes: ['tools:call'] } },
      { action: 'oauth.token_issued', ...facts, subject_id: body.token_id },
      { action: 'oauth.device_code_cross_ip_poll' }
    ])
    for (const { headers } of [away, back, context, approved]) {
      t.equal(headers['x-frame-options'], 'DENY')
      t.match(headers['content-security-policy'], /frame-ancestors 'none'/)
    }
  }
})

t.test('or says no, and the device learns it', async (t) => {
  const subject = await newSubject(broker)
  const begun = await beginSso(app, broker)
  await completeAs(broker, subject, begun)
  t.match(await decide(begun, 'deny'), { status: 200, body: { status: 'denied' } })
  t.match(await poll(app, begun.started.device_code), { body: { error: 'access_denied' } })
  t.match(await auditOf(subject.user_id), [{ action: 'oauth.device_flow_denied', details: { device_label: 'laptop' } }])
})

t.test(
  'two flows in one browser do not disturb each other, and the last to come back is the one to approve',
  async (t) => {
    const browser = openBrowser(app)
    const [one, two] = [await newSubject(broker), await newSubject(broker)]
    const [first, second] = [await beginSso(app, broker, browser), await beginSso(app, broker, browser)]
    t.match((await completeAs(broker, one, first)).headers.location, /sso_verified/)
    t.match((await completeAs(broker, two, second)).headers.location, /sso_verified/)
    t.match(await decide(first), { status: 400, body: { error: 'user_code_mismatch' } }, 'in the older tab')
    t.match(await decide(second), { status: 200 })
    t.match(await poll(app, second.started.device_code), { status: 200, body: { subject_email: two.email } })
    t.match(await poll(app, first.started.device_code), { body: { error: 'authorization_pending' } })
  }
)

t.test('of 200 pollers at once exactly one gets the token of somebody external', async (t) => {
  const { device_code } = await approveAs(app, broker, await newSubject(broker))
  const pollers = Array.from({ length: 200 }, (_, index) => poll(index % 2 ? app : other, device_code))
  const answers = await Promise.all(pollers)
  await letTimePass(redis)
  answers.push(await poll(app, device_code))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
})

t.test('when the token cannot be made, the approval waits for the next poll', async (t) => {
  const { device_code } = await approveAs(app, broker, await newSubject(broker))
  broker.failFindUser(new ReportedError('unavailable', 'not now'))
  t.match(await poll(app, device_code), { status: 503, body: { error: 'unavailable' } })
  await letTimePass(redis)
  t.match(await poll(app, device_code), { status: 200, body: { subject_type: 'external_sso' } })
})

t.test('the poll asks again: licence, user and issuer have to be as they were', async (t) => {
  const unlicensed = await startReplica({ environment: { LICENCE_STATE: 'expired' } })
  const approved = async (email?: string) => {
    const subject = await newSubject(broker, email)
    return { ...(await approveAs(app, broker, subject)), ...subject }
  }
  const [first, second, third, fourth] = [await approved(), await approved(), await approved(), await approved()]
  broker.changeRole(second.user_id, 'member')
  broker.changeRole(third.user_id, undefined)
  await broker.signIn({ tenant_id: fourth.tenant_id, email: fourth.email.toUpperCase() })
  for (const [one, { device_code }] of [
    [unlicensed, first],
    [app, second],
    [app, third],
    [app, fourth]
  ] as const) {
    t.match(await poll(one, device_code), { status: 400, body: { error: 'access_denied' } })
    await letTimePass(redis)
    t.match(await poll(app, device_code), { body: { error: 'expired_token' } }, 'for good')
  }
  const moved = await approved()
  await broker.signIn({ ...moved, role: null, issuer: 'https://another.example' })
  t.match(await poll(app, moved.device_code), { body: { error: 'access_denied' } })
})

t.test('deciding twice is deciding once, the same way', async (t) => {
  const begun = await beginSso(app, broker)
  await completeAs(broker, await newSubject(broker), begun)
  const { browser, started } = begun
  const { csrf_token } = (await browser.ask('GET', `${mount}/approval-context`)).body
  const cookie = `onbehalf_device_approval=${browser.cookies.get('onbehalf_device_approval')}`
  recordSecrets([csrf_token])
  const again = (verb: string, one = app) =>
    send(one, 'POST', `${mount}/${verb}-external`, {
      headers: { cookie, 'x-csrf-token': csrf_token },
      body: { user_code: started.user_code }
    })
  const both = await Promise.all([again('approve'), again('approve', other)])
  t.match(both, [{ status: 200 }, { status: 200 }])
  t.match(await again('approve'), { status: 200 }, 'as one whose answer was lost asks')
  t.match(await again('deny'), { status: 401, body: { error: 'session_already_consumed' } })
  t.match(await poll(app, started.device_code), { status: 200 })
  t.match(await again('approve'), { status: 404, body: { error: 'user_code_not_pending' } })
})

t.test('when nobody can know whether it was stored, that is said, and it can only be asked for again', async (t) => {
  const { proxy, cut } = await startCutReplica(t, running)
  const browser = openBrowser(cut)
  const begun = await beginSso(cut, broker, browser)
  await completeAs(broker, await newSubject(broker), begun)
  const { csrf_token } = (await browser.ask('GET', `${mount}/approval-context`)).body
  recordSecrets([csrf_token])
  const ask = (verb: string) =>
    browser.ask('POST', `${mount}/${verb}-external`, {
      headers: { 'x-csrf-token': csrf_token },
      body: { user_code: begun.started.user_code }
    })
  proxy.cutAnswersTo(externalIssuer, 1_000)
  t.match(await ask('approve'), { status: 503, body: { error: 'approval_outcome_unknown' } })
  t.ok(browser.cookies.has('onbehalf_device_approval'), 'the browser keeps what it needs')
  proxy.cutAnswersTo('', 0)
  const refused = await eventually(
    () => ask('deny'),
    ({ status }) => status !== 503,
    60
  )
  t.match(refused, { status: 401, body: { error: 'session_already_consumed' } })
  t.match(await ask('approve'), { status: 200, body: { status: 'approved' } })
  t.match(await poll(app, begun.started.device_code), { status: 200 })
})
