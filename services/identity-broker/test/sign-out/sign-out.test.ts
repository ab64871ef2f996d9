import { resolveSession } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { createBrowser, signIn } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { dropSessionCookie, logins, renewalOf, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const { publicUrl } = broker
const send = apiOf(broker)
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
await database.query('set search_path to identity_broker')
t.teardown(() => database.end())

const page = `${publicUrl}/auth/sign-out`
const isSignedIn = async ({ sessionId }: SignedIn): Promise<boolean> => {
  const session = { tenant_id: broker.tenantId, session_id: sessionId }
  const answer = call(broker.bus, resolveSession, session, { deadlineAt: Date.now() + 20_000 })
  return answer.then(
    () => true,
    () => false
  )
}
const press = async (user: SignedIn, where: string, follow = true) =>
  user.browser.submit(await user.browser.visit(page), undefined, { button: { name: 'where', value: where }, follow })
const liveGrants = async (user: SignedIn) =>
  (await database.query('select id from "grant" where user_id = $1 and dead_reason is null', [user.userId])).rowCount
const eventsOf = async (user: SignedIn) =>
  (
    await database.query('select action, details from audit_event where subject_id = $1 order by id', [user.sessionId])
  ).rows.map(({ action, details }) => `${action} ${details.reason ?? ''}`.trim())

await t.test("signing out needs no script, ends this browser's session, and leaves what apps may do", async (t) => {
  const user = await signInAs(broker, logins.user)
  const other = await signInAs(broker, logins.user)
  const asked = await user.browser.visit(page)
  t.match(asked.body, /signed in as ann, Acme/)
  t.notMatch(asked.body, /<script/)
  const done = await press(user, 'here')
  t.match([done.url, done.status, done.body], [`${publicUrl}/auth/signed-out`, 200, /You are signed out/])
  t.match(done.body, /may still be signed in at your identity provider/)
  t.same([await isSignedIn(user), await isSignedIn(other)], [false, true])
  t.equal(renewalOf(user.browser, publicUrl), '')
  t.equal((await user.browser.visit(`${publicUrl}/auth/me`)).status, 401)
  t.ok(await liveGrants(user), 'the grant stays')
  t.same(await eventsOf(user), ['session.started', 'session.ended signed_out'])
})

await t.test('signing out at the IdP as well names the session there, and comes back', async (t) => {
  const user = await signInAs(broker, logins.user)
  const left = await press(user, 'identity_provider', false)
  const url = new URL(String(left.headers.location))
  t.equal(`${url.origin}${url.pathname}`, `${broker.idp.issuer}/session/end`)
  t.match(Object.fromEntries(url.searchParams), {
    client_id: 'onbehalf',
    post_logout_redirect_uri: `${publicUrl}/auth/signed-out`,
    id_token_hint: /^ey.*\..*\./,
    state: /^[A-Za-z0-9_-]{32}$/
  })
  t.equal(await isSignedIn(user), false, 'here it is over already')
  const confirm = await user.browser.visit(url)
  const done = await user.browser.submit(confirm, undefined, { button: { name: 'logout' } })
  t.match([done.url, done.body], [/\/auth\/signed-out\?state=/, /Here, and at your identity provider/])
  const again = await user.browser.visit(`${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`)
  t.match(again.body, /data-idp="login"/, 'the IdP asks who it is')
})

await t.test('nobody is told to be signed out at the IdP who is not', async (t) => {
  const user = await signInAs(broker, logins.user)
  const left = await press(user, 'identity_provider', false)
  const state = new URL(String(left.headers.location)).searchParams.get('state')
  const elsewhere = await createBrowser().visit(`${publicUrl}/auth/signed-out?state=${state}`)
  t.notMatch(elsewhere.body, /Here, and at/)
  t.notMatch((await user.browser.visit(`${publicUrl}/auth/signed-out?state=other`)).body, /Here, and at/)
})

await t.test('what the IdP wants to see is encrypted, and goes with the session', async (t) => {
  const user = await signInAs(broker, logins.user)
  const sealed = async () =>
    (await database.query('select id_token from session where id = $1', [user.sessionId])).rows[0].id_token
  const kept: Buffer = await sealed()
  t.ok(kept.length > 100)
  t.notMatch(kept.toString('latin1'), /[\w.-]{40}/, 'as a JWT has them')
  await press(user, 'here')
  t.equal(await sealed(), null)
})

await t.test('in all browsers means all of them', async (t) => {
  const [one, other] = [await signInAs(broker, logins.second), await signInAs(broker, logins.second)]
  const user = await signInAs(broker, logins.user)
  await press(one, 'everywhere')
  t.same([await isSignedIn(one), await isSignedIn(other), await isSignedIn(user)], [false, false, true])
})

await t.test('a script signs out too, and is told where to go', async (t) => {
  const user = await signInAs(broker, logins.user)
  t.same(await send(user, 'POST', '/auth/sign-out', { where: 'nowhere' }).then(({ status }) => status), 400)
  t.equal(await isSignedIn(user), true)
  const answer = await send(user, 'POST', '/auth/sign-out', { where: 'identity_provider' })
  t.match(answer, { status: 200, body: { location: new RegExp(`^${broker.idp.issuer}/session/end\\?`) } })
  const second = await signInAs(broker, logins.user)
  t.same(await send(second, 'POST', '/auth/sign-out'), { status: 204, body: undefined })
  t.equal(await isSignedIn(second), false)
})

await t.test('a page that was forged, or is too old, signs nobody out', async (t) => {
  const user = await signInAs(broker, logins.user)
  const asked = await user.browser.visit(page)
  const forged = await user.browser.submit(asked, undefined, {
    button: { value: 'here' },
    values: { csrf_token: 'x'.repeat(32) }
  })
  t.match([forged.status, forged.headers['content-type'], forged.body], [403, /html/, /not signed out yet/])
  const foreign = await user.browser.submit(asked, undefined, {
    button: { value: 'here' },
    headers: { origin: 'https://evil.example' }
  })
  t.equal(foreign.status, 403)
  dropSessionCookie(user.browser, publicUrl)
  const late = await user.browser.submit(asked, undefined, { button: { value: 'here' } })
  t.match([late.status, late.body], [401, /href="\/auth\/sign-out"/])
  t.equal(await isSignedIn(user), true)
  const renewed = await user.browser.visit(page)
  t.match(renewed.body, /signed in as ann/, 'the page renews what it can')
  t.match((await createBrowser().visit(page)).body, /You are signed out/, 'and says so where nobody is signed in')
})

await t.test('an IdP that is away keeps nobody signed in here', async (t) => {
  const user = await signInAs(broker, logins.user)
  await database.query("update connection set issuer = 'http://127.0.0.1:1', revision = revision + 1")
  const asked = await user.browser.visit(page)
  t.notMatch(asked.body, /identity_provider/, 'what cannot be had is not offered')
  const answer = await send(user, 'POST', '/auth/sign-out', { where: 'identity_provider' })
  t.same(answer, { status: 200, body: { location: null } })
  t.equal(await isSignedIn(user), false)
  await database.query('update connection set issuer = $1, revision = revision + 1', [broker.idp.issuer])
})

await t.test('a user sees their own browsers, and signs out one or all', async (t) => {
  const url = `${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`
  const named = createBrowser()
  await signIn(named, url, { login: logins.absent })
  const [mine, phone] = [await signInAs(broker, logins.absent), await signInAs(broker, logins.absent)]
  const stranger = await signInAs(broker, logins.owner)
  const { body } = await send(mine, 'GET', '/auth/sessions')
  t.equal(body.data.length, 3)
  const [current] = body.data.filter((one: { is_current: boolean }) => one.is_current)
  t.match(current, { id: mine.sessionId, created_ip: '127.0.0.1', user_agent: String })
  t.ok(Date.parse(current.ends_at) > Date.parse(current.renewable_until))
  const first = await send(mine, 'GET', '/auth/sessions?limit=2')
  const rest = await send(mine, 'GET', `/auth/sessions?limit=2&cursor=${first.body.next_cursor}`)
  t.same([first.body.data.length, rest.body.data.length, rest.body.next_cursor], [2, 1, null])

  t.equal((await send(stranger, 'DELETE', `/auth/sessions/${phone.sessionId}`)).status, 404)
  t.equal(await isSignedIn(phone), true)
  t.equal((await send(mine, 'DELETE', `/auth/sessions/${phone.sessionId}`)).status, 204)
  t.equal((await send(mine, 'DELETE', `/auth/sessions/${phone.sessionId}`)).status, 404, 'it has ended')
  t.equal(await isSignedIn(phone), false)
  t.same(await send(mine, 'DELETE', '/auth/sessions?keep_current=true'), { status: 200, body: { ended: 1 } })
  t.equal(await isSignedIn(mine), true)
  t.same(await send(mine, 'DELETE', '/auth/sessions'), { status: 200, body: { ended: 1 } })
  t.equal(await isSignedIn(mine), false)
  t.equal(await isSignedIn(stranger), true)
})
