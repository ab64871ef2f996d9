import { ReportedError } from '@onbehalf/errors'
import { startPostgresProxy } from '@onbehalf/testkit'
import type { SignedIn } from '@onbehalf/testkit/players'
import t from 'tap'
import { follow, form, startPage } from '../page/start.ts'
import { beginSso, completeAs, decide, mount, newSubject } from '../sso/browser.ts'
import { decideAs, poll, send, startFlow } from '../start.ts'

const running = await startPage(t)
const { app, broker, backends, device, publicUrl, openBrowser, startReplica } = running
const other = await startReplica()
const owner = await broker.signIn({ role: 'owner' })
const { tenant_id } = owner
const patch = (payload: object, who = owner) =>
  app.inject({ method: 'PATCH', url: '/v1/device-settings', headers: who.headers, payload })
const now = () => Math.floor(Date.now() / 1000)
const signInAgo = (seconds: number | undefined): Promise<SignedIn> =>
  broker.signIn({ tenant_id, name: 'Ada', ...(seconds === undefined ? {} : { auth_time: now() - seconds }) })
const notFresh = { status: 401, body: { error: 'insufficient_user_authentication' } }
/** What a link of ours asks for, by its path. */
const readLink = (link: string) => {
  const { origin, pathname, searchParams } = new URL(link)
  return { origin, pathname, ...Object.fromEntries(searchParams) }
}
const wanted = async (seconds: number | null) => (await patch({ approval_max_age: seconds })).statusCode

t.test('nobody has to sign in anew unless their tenant says so', async (t) => {
  const { device_code, user_code } = await startFlow(app)
  t.match(await decideAs(app, 'approve', await signInAgo(undefined), user_code), { status: 200 })
  t.match(await poll(app, device_code), { status: 200 })
})

t.test('a setting that makes no sense is refused, and each is kept without the other', async (t) => {
  for (const approval_max_age of [0, 59, 2_592_001, 60.5, '300', -1])
    t.match((await patch({ approval_max_age })).json(), { status: 400, details: [{ path: 'approval_max_age' }] })
  t.equal((await patch({})).statusCode, 400)
  t.equal((await patch({ approval_max_age: 60 }, await signInAgo(1))).statusCode, 403, 'a member sets nothing')
  t.strictSame((await patch({ approval_max_age: 300 })).json(), { token_days: 14, approval_max_age: 300 })
  t.strictSame((await patch({ token_days: 3 })).json(), { token_days: 3, approval_max_age: 300 })
  t.strictSame((await patch({ token_days: null })).json(), { token_days: 14, approval_max_age: 300 })
})

t.test('who signed in too long ago, or nobody knows when, cannot approve but deny', async (t) => {
  await wanted(300)
  for (const seconds of [undefined, 301, 86_400]) {
    const who = await signInAgo(seconds)
    const { user_code } = await startFlow(app)
    const body = { user_code, csrf_token: who.csrf, other: 'x' }
    const answer = await send(other, 'POST', `${mount}/approve`, { headers: who.headers, body })
    t.match(answer, notFresh, String(seconds))
    t.match(answer.body.error_description, /the last 300 seconds/)
    t.equal(
      answer.headers['www-authenticate'],
      'Bearer error="insufficient_user_authentication", max_age="300"',
      'RFC 9470 §3'
    )
    t.strictSame(readLink(answer.body.connect_url), {
      ...{ origin: publicUrl, pathname: '/auth/sign-in', tenant: tenant_id, max_age: '300' },
      return_to: `/device?user_code=${user_code}`
    })
    t.match(await decideAs(app, 'deny', who, user_code), { status: 200 })
  }
})

t.test('who signed in just now approves, and other tenants are not concerned', async (t) => {
  await wanted(300)
  for (const who of [await signInAgo(0), await signInAgo(290), await broker.signIn()]) {
    const { device_code, user_code } = await startFlow(app)
    t.match(await decideAs(other, 'approve', who, user_code), { status: 200 })
    t.match(await poll(app, device_code), { status: 200 })
  }
})

t.test('a change of it holds at once, and for codes that wait already', async (t) => {
  const who = await signInAgo(200)
  const { user_code } = await startFlow(app)
  await wanted(60)
  t.match(await decideAs(other, 'approve', who, user_code), notFresh)
  await wanted(null)
  t.match(await decideAs(other, 'approve', who, user_code), { status: 200 })
})

t.test('the page says so, leads through the sign-in and comes back to the code', async (t) => {
  await wanted(300)
  const { device_code, user_code } = await startFlow(app)
  const browser = openBrowser(await signInAgo(3_600))
  const page = await browser.visit(`${device}?user_code=${user_code}`, { follow })
  t.match([page.status, page.body], [401, /Sign in again first/])
  t.notMatch(page.body, 'Approve')
  const link = /class="button" href="([^"]*)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.strictSame(readLink(link), {
    ...{ origin: publicUrl, pathname: '/auth/sign-in', tenant: tenant_id, max_age: '300', return_to: '/device' }
  })
  const { cookie } = await signInAgo(1)
  browser.cookies.store(new URL(publicUrl), [`${cookie}; Path=/; HttpOnly`])
  const asking = await browser.visit(device, { follow })
  t.match([asking.status, asking.body], [200, user_code])
  const csrf_token = /name="csrf_token" value="([^"]*)"/.exec(asking.body)?.[1] ?? ''
  const decided = await browser.visit(`${device}/decide`, { form: { user_code, csrf_token, decision: 'approved' } })
  t.match(decided.body, /Device signed in/)
  t.match(await poll(app, device_code), { status: 200 })
})

t.test('a page that was open for too long decides nothing, and the code is kept', async (t) => {
  await wanted(null)
  const who = await signInAgo(200)
  const { user_code } = await startFlow(app)
  await wanted(60)
  const payload = new URLSearchParams({ user_code, decision: 'approved', csrf_token: who.csrf }).toString()
  const sent = { headers: { cookie: who.cookie, origin: publicUrl, ...form }, body: payload }
  const answer = await send(app, 'POST', '/device/decide', sent)
  t.match([answer.status, answer.body], [401, /Sign in again first/])
  t.match(String(answer.headers['set-cookie']), `onbehalf_device_code=${user_code}`)
})

t.test('whom an IdP identifies is held to it as well, and is sent there anew', async (t) => {
  const partner = await newSubject(broker)
  const boss = await broker.signIn({ role: 'owner', tenant_id: partner.tenant_id })
  t.equal((await patch({ approval_max_age: 120 }, boss)).statusCode, 200)
  for (const signedIn of [{}, { auth_time: now() - 121 }]) {
    const begun = await beginSso(app, broker)
    await completeAs(broker, { ...partner, ...signedIn }, begun)
    const { user_code } = begun.started
    const answer = await decide(begun)
    t.match(answer, notFresh)
    t.strictSame(readLink(answer.body.connect_url), {
      ...{ origin: publicUrl, pathname: `${mount}/sso-initiate`, tenant: partner.tenant_id, max_age: '120', user_code }
    })
    const page = await begun.browser.ask('GET', '/device')
    t.match([page.status, page.body], [401, /Sign in again first/])
    t.equal(begun.browser.cookies.get('onbehalf_device_code'), user_code)
    await begun.browser.ask('GET', `/device/sso?tenant=${partner.tenant_id}&max_age=120`)
    const { max_age, tenant, nonce = '', user_code_hash = '' } = broker.deviceSso.states().at(-1) ?? {}
    t.strictSame([max_age, tenant], [120, partner.tenant_id])
    const again = { ...begun, flow: { nonce, user_code_hash } }
    await completeAs(broker, { ...partner, auth_time: now() - 10 }, again)
    t.match(await begun.browser.ask('GET', '/device'), { status: 200, body: 'Approve' })
    t.match(await decide(again), { status: 200 })
    t.match(await poll(app, begun.started.device_code), { status: 200, body: { token: /^dfoe_/ } })
  }
  const denied = await beginSso(app, broker)
  await completeAs(broker, partner, denied)
  t.match(await decide(denied, 'deny'), { status: 200 }, 'who signed in whenever may deny')
})

t.test('a broker that refuses to ask for it says why', async (t) => {
  const why = 'Your identity provider cannot prove a fresh sign-in.'
  broker.deviceSso.fail(new ReportedError('policy_denied', why))
  const { user_code } = await startFlow(app)
  const begun = await send(app, 'GET', `${mount}/sso-initiate?user_code=${user_code}&max_age=60`)
  t.match(begun, { status: 502, body: { error: 'sso_initiate_failed', error_description: why } })
  t.match(await send(app, 'GET', `${mount}/sso-initiate?user_code=${user_code}&max_age=-1`), { status: 400 })
})

t.test('without Postgres nobody knows what the tenant wants, so nobody approves', async (t) => {
  const { DATABASE_URL = '' } = backends.environmentFor('device-auth')
  const postgres = await startPostgresProxy(DATABASE_URL)
  t.teardown(postgres.stop)
  const cut = await startReplica({ environment: { DATABASE_URL: postgres.urlFor(DATABASE_URL) } })
  const who = await signInAgo(1)
  const { user_code } = await startFlow(app)
  postgres.cut()
  t.match(await decideAs(cut, 'approve', who, user_code), { status: 503, body: { error: 'unavailable' } })
})
