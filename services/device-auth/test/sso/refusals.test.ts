import { randomBytes } from 'node:crypto'
import { deviceSsoState, principalTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { hashOf } from '@onbehalf/service-kit'
import { eventually, recordSecrets } from '@onbehalf/testkit'
import { makeKeyPair } from '@onbehalf/testkit/players'
import { Client } from 'pg'
import t from 'tap'
import { approvalGrant } from '../../src/sso/grant-store.ts'
import { decideAs, poll, send, startFlow, startService } from '../start.ts'
import { beginSso, completeAs, decide, mount, newSubject, openBrowser, setCookies } from './browser.ts'

const { app, broker, backends, publicUrl, redis, startReplica } = await startService(t)
const initiate = (user_code: string, remoteAddress: string, more = '') =>
  send(app, 'GET', `${mount}/sso-initiate?user_code=${user_code}${more}`, { remoteAddress })
const toPage = (word: string) => ({ status: 303, headers: { location: `${publicUrl}/device?sso_error=${word}` } })

t.test('without a licence that covers it there is no such place, and nothing is counted', async (t) => {
  const { user_code } = await startFlow(app)
  const paths = ['sso-initiate', 'sso-complete', 'approval-context'].map((one) => ['GET', one] as const)
  const posts = ['approve-external', 'deny-external'].map((one) => ['POST', one] as const)
  for (const LICENCE_STATE of ['', 'none', 'inactive', 'lost', 'Active', 'renewed']) {
    const unlicensed = await startReplica({ environment: { LICENCE_STATE } })
    for (const at of [mount, '/v1/oauth/device'])
      for (const [method, path] of [...paths, ...posts]) {
        const url = `${at}/${path}?user_code=${user_code}&sso_assertion=x`
        const { status, body } = await send(unlicensed, method, url, { remoteAddress: '10.5.0.1' })
        t.equal(status, 404, `${LICENCE_STATE} ${path}`)
        t.equal(body.error ?? body.code, 'not_found')
      }
    t.match(await send(unlicensed, 'GET', '/v1/device/sso-complete'), { status: 404 })
    await unlicensed.close()
  }
  t.strictSame(await redis.keys('device-auth:limit:sso-start:*'), [])
  const expiring = await startReplica({ environment: { LICENCE_STATE: 'expiring' } })
  t.match(await send(expiring, 'GET', `${mount}/sso-initiate?user_code=${user_code}&tenant=acme`), { status: 303 })
})

t.test('it begins only for a code that waits, and says what is wrong', async (t) => {
  t.match(await send(app, 'GET', `${mount}/sso-initiate`), { status: 400, body: { error: 'invalid_request' } })
  t.match(await initiate('AAAA-AAAA', '10.5.0.2'), { status: 400, body: { error: 'invalid_user_code' } })
  const decided = await startFlow(app)
  await decideAs(app, 'deny', await broker.signIn(), decided.user_code)
  t.match(await initiate(decided.user_code, '10.5.0.2'), { status: 400, body: { error: 'invalid_user_code' } })
  const { user_code } = await startFlow(app)
  broker.deviceSso.fail(new ReportedError('not_found', 'nowhere'))
  const nowhere = await initiate(user_code, '10.5.0.2', '&tenant=nowhere')
  t.match(nowhere, { status: 400, body: { error: 'invalid_request', error_description: /organisation/ } })
  t.match(await initiate(user_code, '10.5.0.2', '&tenant=No%20Name'), { status: 400 })
  broker.deviceSso.fail(new ReportedError('policy_denied', 'no'))
  t.match(await initiate(user_code, '10.5.0.2'), { status: 502, body: { error: 'sso_initiate_failed' } })
  broker.deviceSso.fail(new ReportedError('identity_provider_unavailable', 'away', { retry_after_seconds: 7 }))
  const away = await initiate(user_code, '10.5.0.2')
  t.match(away, { status: 503, body: { error: 'identity_provider_unavailable' }, headers: { 'retry-after': '7' } })
  for (const answer of [nowhere, away]) t.strictSame(setCookies(answer), [])
})

t.test('an address begins 60 times an hour, which no other limit counts', async (t) => {
  for (let asked = 0; asked < 60; asked += 1) await initiate('no code', '10.5.0.3')
  t.match(await initiate('no code', '10.5.0.3'), { status: 429, headers: { 'retry-after': /^3[56]\d\d$/ } })
  t.match(await send(app, 'GET', `${mount}/lookup?user_code=x`, { remoteAddress: '10.5.0.3' }), { status: 200 })
})

t.test('an assertion that does not hold ends at the page, in a word it knows, and leaves nothing', async (t) => {
  const begun = await beginSso(app, broker)
  const { browser, flow } = begun
  const said = { ...(await newSubject(broker)), ...flow }
  const { assert } = broker.deviceSso
  const good = await assert(said)
  const [head, body] = good.split('.')
  const bad: Record<string, string> = {
    'not one at all': 'x',
    'too long': 'x'.repeat(5_000),
    'with another signature': `${head}.${body}.${'A'.repeat(86)}`,
    'signed by nobody': await assert(said, { key: await makeKeyPair() }),
    expired: await assert(said, { now: () => Date.now() - 120_000 }),
    'of the future': await assert(said, { now: () => Date.now() + 120_000 }),
    'for another reader': await assert(said, { contract: { audience: deviceSsoState.audience ?? '' } }),
    'of another type': await assert(said, { contract: { type: principalTicket.type } }),
    'a grant': await assert(said, { contract: { ...approvalGrant, claims: approvalGrant.claims } }),
    'without an e-mail': await assert(said, { claims: { email: undefined } }),
    'with no e-mail': await assert(said, { claims: { email: 'two words@x' } }),
    'without an issuer': await assert(said, { claims: { issuer: ' ' } }),
    'of a shape nobody thought of': await assert(said, { claims: { nonce: { a: 1 } } }),
    'for another flow': await assert(said, { claims: { user_code_hash: hashOf('another') } }),
    'for another browser': await assert(said, { claims: { nonce: hashOf(randomBytes(8).toString('hex')) } })
  }
  for (const [what, assertion] of Object.entries(bad)) {
    const back = await browser.ask('GET', `${mount}/sso-complete?sso_assertion=${assertion}`)
    t.match(
      back,
      { status: 303, headers: { location: /\/device\?sso_error=(invalid_sso_assertion|sso_failed)$/ } },
      what
    )
    t.strictSame(setCookies(back), [], what)
  }
  const elsewhere = await openBrowser(app).ask('GET', `${mount}/sso-complete?sso_assertion=${good}`)
  t.match(elsewhere, toPage('invalid_sso_assertion'), 'in a browser that did not begin')
  const held = [...browser.cookies]
  t.match((await browser.ask('GET', `${mount}/sso-complete?sso_assertion=${good}`)).headers.location, /sso_verified/)
  for (const [name, value] of held) browser.cookies.set(name, value)
  t.match(await browser.ask('GET', `${mount}/sso-complete?sso_assertion=${good}`), toPage('invalid_sso_assertion'))
  for (const [query, word] of [
    ['', 'sso_failed'],
    ['sso_error=sso_failed', 'sso_failed'],
    ['sso_error=<script>', 'sso_failed'],
    ['sso_error=a&sso_error=b', 'sso_failed'],
    ['sso_error=email_belongs_to_member', 'email_belongs_to_member']
  ] as const)
    t.match(await send(app, 'GET', `/v1/device/sso-complete?${query}`), toPage(word))
})

t.test('a code that was decided meanwhile is not approved again', async (t) => {
  const begun = await beginSso(app, broker)
  await decideAs(app, 'deny', await broker.signIn(), begun.started.user_code)
  t.match(await completeAs(broker, await newSubject(broker), begun), toPage('user_code_not_pending'))
  const late = await beginSso(app, broker)
  await completeAs(broker, await newSubject(broker), late)
  await decideAs(app, 'deny', await broker.signIn(), late.started.user_code)
  t.match(await decide(late), { status: 409, body: { error: 'user_code_not_pending' } })
  t.match(await poll(app, late.started.device_code), { body: { error: 'access_denied' } })
  t.match(await decide(late), { status: 404, body: { error: 'user_code_not_pending' } }, 'and its device has been told')
})

t.test('members are turned away twice, whatever the case of their e-mail, and it is on record', async (t) => {
  const early = await newSubject(broker, 'Ada@Partner.example')
  await broker.signIn({ tenant_id: early.tenant_id, email: 'ada@partner.EXAMPLE' })
  const first = await completeAs(broker, early, await beginSso(app, broker))
  t.match(first, toPage('email_belongs_to_member'))
  t.strictSame(setCookies(first), [])
  const promoted = await newSubject(broker)
  const begun = await beginSso(app, broker)
  await completeAs(broker, promoted, begun)
  broker.changeRole(promoted.user_id, 'member')
  t.match(await decide(begun), { status: 403, body: { error: 'email_belongs_to_member' } })
  t.ok(begun.browser.cookies.has('onbehalf_device_approval'))
  t.match(await poll(app, begun.started.device_code), { body: { error: 'authorization_pending' } })
  t.match(await decide(begun, 'deny'), { status: 200 }, 'they may still say no')
  const client = new Client({ connectionString: backends.adminDatabaseUrl })
  await client.connect()
  const { rows } = await client.query(
    "select * from device_auth.audit_event where action = 'oauth.device_flow_rejected' order by id"
  )
  await client.end()
  const details = { reason: 'email_belongs_to_member', subject_issuer: early.issuer, device_label: 'laptop' }
  t.match(rows, [
    { tenant_id: early.tenant_id, actor_id: early.user_id, details: { ...details, subject_email: early.email } },
    { tenant_id: promoted.tenant_id, actor_id: promoted.user_id, details }
  ])
})

t.test('approving takes the cookie, the token of the page, our own origin and the same code', async (t) => {
  const nobody = openBrowser(app)
  t.match(await nobody.ask('GET', `${mount}/approval-context`), { status: 401, body: { error: 'no_session' } })
  nobody.cookies.set('onbehalf_device_approval', randomBytes(32).toString('base64url'))
  t.match(await nobody.ask('GET', `${mount}/approval-context`), { status: 401, body: { error: 'no_session' } })
  const body = { user_code: 'AAAA-AAAA' }
  t.match(await nobody.ask('POST', `${mount}/approve-external`, { body }), { body: { error: 'invalid_session' } })
  t.match(await nobody.ask('POST', `${mount}/approve-external`, { body: [] }), { status: 400 })

  const begun = await beginSso(app, broker)
  await completeAs(broker, await newSubject(broker), begun)
  t.match(await nobody.ask('GET', `${mount}/approve-external`), { status: 404 }, 'nothing by GET')
  const refused = [
    await decide(begun, 'approve', { headers: { 'x-csrf-token': 'x' } }),
    await decide(begun, 'approve', { headers: { 'x-csrf-token': '' } }),
    await decide(begun, 'deny', { headers: { origin: 'https://evil.example' } }),
    await decide(begun, 'approve', { headers: { origin: 'null', 'sec-fetch-site': 'cross-site' } })
  ]
  for (const answer of refused) t.match(answer, { status: 403, body: { error: 'csrf_mismatch' } })
  t.match(await decide(begun, 'approve', { body: { user_code: 'AAAA-AAAA' } }), {
    body: { error: 'user_code_mismatch' }
  })
  t.ok(begun.browser.cookies.has('onbehalf_device_approval'), 'an error takes nothing away')
  const typed = { body: { user_code: begun.started.user_code.toLowerCase().replace('-', '') } }
  t.match(await decide(begun, 'approve', { ...typed, headers: { origin: publicUrl } }), { status: 200 })
})

t.test('somebody decides 10 times an hour, in whatever flows', async (t) => {
  const subject = await newSubject(broker)
  const begun = await beginSso(app, broker)
  await completeAs(broker, subject, begun)
  for (let asked = 0; asked < 10; asked += 1) await decide(begun, 'approve', { headers: { 'x-csrf-token': 'x' } })
  const again = await beginSso(app, broker)
  await completeAs(broker, subject, again)
  t.match(await decide(again), { status: 429, headers: { 'retry-after': /^3[56]\d\d$/ } })
})

t.test('a grant that somebody put there is none', async (t) => {
  const begun = await beginSso(app, broker)
  await completeAs(broker, await newSubject(broker), begun)
  const id = begun.browser.cookies.get('onbehalf_device_approval') ?? ''
  const key = `device-auth:sso-grant:${hashOf(id)}`
  const kept = String(await redis.get(key))
  const elsewhere = randomBytes(32).toString('base64url')
  await redis.set(`device-auth:sso-grant:${hashOf(elsewhere)}`, kept)
  const asking = (cookie: string) =>
    send(app, 'GET', `${mount}/approval-context`, { headers: { cookie: `onbehalf_device_approval=${cookie}` } })
  t.match(await asking(elsewhere), { status: 401 }, 'another one, under another id')
  await redis.set(key, Buffer.from('nonsense').toString('base64'))
  t.match(await asking(id), { status: 401, body: { error: 'no_session' } })
})

t.test('over https the cookies are ours alone', async (t) => {
  const secure = await startReplica({ environment: { PUBLIC_URL: 'https://onbehalf.example' } })
  const begun = await beginSso(secure, broker)
  t.match([...begun.browser.cookies.keys()].sort(), [/^__Host-onbehalf_device_sso_/, /^onbehalf_sign_in_/])
  const back = await completeAs(broker, await newSubject(broker), begun)
  t.equal(back.headers.location, 'https://onbehalf.example/device?sso_verified=1', 'and no header says where we are')
  t.match(
    setCookies(back).at(-1),
    /^__Host-onbehalf_device_approval=[\w-]{43}; Max-Age=300; Path=\/; HttpOnly; Secure; SameSite=Lax$/
  )
})

t.test('without Redis nothing goes on, and what was begun goes on afterwards', async (t) => {
  const [waiting, verified] = [await beginSso(app, broker), await beginSso(app, broker)]
  const [one, two] = [await newSubject(broker), await newSubject(broker)]
  await completeAs(broker, two, verified)
  const { csrf_token } = (await verified.browser.ask('GET', `${mount}/approval-context`)).body
  recordSecrets([csrf_token])
  await backends.redis.stop()
  const approve = { headers: { 'x-csrf-token': csrf_token } }
  for (const answer of [await initiate('AAAA-AAAA', '10.5.0.9'), await decide(verified, 'approve', approve)])
    t.match(answer, { status: 503, body: { error: 'unavailable' } })
  t.match(await completeAs(broker, one, waiting), toPage('sso_failed'))
  await backends.redis.restart()
  const back = await eventually(
    () => completeAs(broker, one, waiting),
    ({ headers }) => !String(headers.location).includes('sso_failed'),
    60
  )
  // Redis wrote down what it knew before it went.
  t.match(back, { headers: { location: /\/device\?sso_verified=1$/ } })
})
