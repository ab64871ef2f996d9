import { resolveSession } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { cookieNamesFor } from '@onbehalf/service-kit'
import { type Browser, createBrowser, recordSecrets, signIn } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import {
  cookieOf,
  dropSessionCookie,
  listenToChanges,
  logins,
  renewalOf,
  type SignedIn,
  signInAs,
  startBroker
} from '../start.ts'

const broker = await startBroker(t)
const { publicUrl } = broker
const changes = await listenToChanges(t, broker)
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
await database.query('set search_path to identity_broker')
t.teardown(() => database.end())

const own = { origin: publicUrl }
const renew = async (browser: Browser, headers: Record<string, string> = own) => {
  const answer = await browser.visit(`${publicUrl}/auth/session/renew`, { method: 'POST', headers })
  recordSecrets([renewalOf(browser, publicUrl), cookieOf(browser, publicUrl)].filter((one) => one !== ''))
  return answer
}
const me = async (browser: Browser) => JSON.parse((await browser.visit(`${publicUrl}/auth/me`)).body)
const principalOf = async ({ sessionId }: SignedIn) => {
  const session = { tenant_id: broker.tenantId, session_id: sessionId }
  return (await call(broker.bus, resolveSession, session, { deadlineAt: Date.now() + 20_000 })).principal
}
/** Another browser that has copied what this one renews with. */
const withRenewal = (token: string) => {
  const browser = createBrowser()
  browser.cookies.store(new URL(publicUrl), [`onbehalf_renewal=${token}; Path=/auth`])
  return browser
}
const passGrace = () => database.query("update session_renewal set replaced_at = replaced_at - interval '31 seconds'")

await t.test('a script renews: new cookies, the same csrf value, the same session', async (t) => {
  const user = await signInAs(broker, logins.user)
  const [cookie, token] = [cookieOf(user.browser, publicUrl), renewalOf(user.browser, publicUrl)]
  const answer = await renew(user.browser)
  t.match([answer.status, answer.json()], [200, { csrf: user.csrf }])
  t.equal(answer.headers['cache-control'], 'no-store')
  t.not(renewalOf(user.browser, publicUrl), token)
  t.ok(cookieOf(user.browser, publicUrl) !== '' && cookie !== '')
  const { csrf, expires_at, session } = await me(user.browser)
  t.match([csrf, session.id], [user.csrf, user.sessionId])
  const minutes = (time: string) => Math.round((Date.parse(time) - Date.now()) / 60_000)
  t.same([expires_at, session.renewable_until, session.ends_at].map(minutes), [10, 120, 720])
})

await t.test('of what a script sends along nothing is read that is longer than it needs', async (t) => {
  const { browser } = await signInAs(broker, logins.user)
  const form = { a: 'x'.repeat(2_000) }
  t.equal((await browser.visit(`${publicUrl}/auth/session/renew`, { form, headers: own })).status, 413)
  t.equal((await renew(browser)).status, 200)
})

await t.test('the renewal cookie goes to /auth alone, and no script reads it', async (t) => {
  const user = await signInAs(broker, logins.user)
  const answer = await renew(user.browser)
  const set = [answer.headers['set-cookie']].flat().find((one) => one?.startsWith('onbehalf_renewal='))
  t.match(set, /Max-Age=7(19\d|200); Path=\/auth; HttpOnly; SameSite=Lax$/)
  t.notMatch(user.browser.cookies.header(new URL('/v1/grants', publicUrl)), 'onbehalf_renewal')
  t.equal(cookieNamesFor('https://onbehalf.example.com').renewal, '__Secure-onbehalf_renewal')
})

await t.test('only its hash is kept', async (t) => {
  const user = await signInAs(broker, logins.user)
  await renew(user.browser)
  const { rows } = await database.query('select * from session_renewal')
  t.ok(rows.length > 0)
  t.notMatch(JSON.stringify(rows), renewalOf(user.browser, publicUrl))
})

await t.test('two tabs that renew at once are given the same, also when one comes much later', async (t) => {
  const user = await signInAs(broker, logins.user)
  const token = renewalOf(user.browser, publicUrl)
  const tabs = [withRenewal(token), withRenewal(token), withRenewal(token)]
  const answers = await Promise.all(tabs.map((tab) => renew(tab)))
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200]
  )
  const [first, ...others] = tabs.map((tab) => renewalOf(tab, publicUrl))
  t.same(others, [first, first])
  t.not(first, token)
  const ahead = withRenewal(first ?? '')
  await renew(ahead)
  await renew(ahead)
  const behind = withRenewal(token)
  t.equal((await renew(behind)).status, 200)
  t.equal(renewalOf(behind, publicUrl), renewalOf(ahead, publicUrl), 'the newest, and no line of its own')
})

await t.test('an old token shown after its time ends the whole session, for whoever holds what', async (t) => {
  const user = await signInAs(broker, logins.user)
  const stolen = renewalOf(user.browser, publicUrl)
  await renew(user.browser)
  t.equal((await principalOf(user)).user_id, user.userId)
  await passGrace()
  const thief = withRenewal(stolen)
  t.match([(await renew(thief)).status, (await renew(thief)).status], [401, 401])
  t.equal(renewalOf(thief, publicUrl), '', 'and the cookie is taken away')
  await t.resolves(changes.heard('session', user.sessionId), 'and every service is told')
  await t.rejects(principalOf(user), { code: 'unauthenticated' })
  t.equal((await renew(user.browser)).status, 401, 'the rightful one signs in again too')
  const recorded = "select details from audit_event where subject_id = $1 and action = 'session.ended'"
  const { rows } = await database.query(recorded, [user.sessionId])
  t.same(rows, [{ details: { user_id: user.userId, reason: 'renewal_reused' } }], 'and it is on record, once')
})

await t.test('a thief who renews first is found out when the rightful browser comes', async (t) => {
  const user = await signInAs(broker, logins.user)
  const thief = withRenewal(renewalOf(user.browser, publicUrl))
  t.equal((await renew(thief)).status, 200)
  await passGrace()
  t.equal((await renew(user.browser)).status, 401)
  t.equal((await renew(thief)).status, 401)
})

await t.test('a session that is renewed without pause keeps no more than it needs', async (t) => {
  const user = await signInAs(broker, logins.user)
  const first = renewalOf(user.browser, publicUrl)
  await database.query(
    `insert into session_renewal (hash, session_id, seed, replaced_at)
    select 'old ' || n, $1, 'x', now() - interval '2 hours' from generate_series(1, 300) n`,
    [user.sessionId]
  )
  await renew(user.browser)
  const count = 'select count(*)::int from session_renewal where session_id = $1'
  t.same((await database.query(count, [user.sessionId])).rows, [{ count: 201 }], 'with the one that holds')
  await passGrace()
  t.equal((await renew(withRenewal(first))).status, 401, 'and an old one still ends it')
  await t.rejects(principalOf(user), { code: 'unauthenticated' })
})

await t.test('a session ends when it is not renewed, and however often it is', async (t) => {
  const idle = await signInAs(broker, logins.user)
  await database.query('update session set idle_until = now() where id = $1', [idle.sessionId])
  t.equal((await renew(idle.browser)).status, 401)
  await t.rejects(principalOf(idle), { code: 'unauthenticated' })

  const long = await signInAs(broker, logins.user)
  await database.query("update session set expires_at = now() + interval '60 seconds' where id = $1", [long.sessionId])
  const last = JSON.parse((await renew(long.browser)).body)
  t.ok(Date.parse(last.expires_at) <= Date.now() + 60_000, 'the last cookie does not outlive it')
  t.ok(Date.parse(last.renewable_until) <= Date.now() + 60_000)
  await database.query('update session set expires_at = now() where id = $1', [long.sessionId])
  t.equal((await renew(long.browser)).status, 401)
})

await t.test("another role counts at once, and a member's session is not renewed without the membership", async (t) => {
  const user = await signInAs(broker, logins.second)
  await database.query("update member set role = 'admin' where user_id = $1", [user.userId])
  t.match(await principalOf(user), { role: 'admin' })
  t.equal((await renew(user.browser)).status, 200)
  await database.query('delete from member where user_id = $1', [user.userId])
  t.match(await principalOf(user), { role: null })
  t.equal((await renew(user.browser)).status, 401)
})

await t.test('signing out, and signing in anew, end what the browser had', async (t) => {
  const user = await signInAs(broker, logins.user)
  const token = renewalOf(user.browser, publicUrl)
  const headers = { 'x-csrf-token': user.csrf }
  const out = await user.browser.visit(`${publicUrl}/auth/sign-out`, { method: 'POST', headers })
  t.equal(out.status, 204)
  t.equal(renewalOf(user.browser, publicUrl), '')
  t.equal((await renew(withRenewal(token))).status, 401)
  await t.resolves(changes.heard('session', user.sessionId))

  const first = await signInAs(broker, logins.user)
  const url = `${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`

  t.equal((await signIn(first.browser, url, { login: logins.user })).status, 200)
  await t.rejects(principalOf(first), { code: 'unauthenticated' })
  await t.resolves(changes.heard('session', first.sessionId))
})

await t.test('a session is renewed from our own pages only', async (t) => {
  const user = await signInAs(broker, logins.user)
  const token = renewalOf(user.browser, publicUrl)
  for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'null' }]) {
    const { status, headers: answered, body } = await renew(user.browser, headers)
    t.match([status, body], [403, /csrf_rejected/], JSON.stringify(headers))
    t.notOk(answered['set-cookie'])
  }
  t.equal((await renew(user.browser, { origin: 'null', 'sec-fetch-site': 'same-origin' })).status, 200)
  t.not(renewalOf(user.browser, publicUrl), token)
  t.match((await renew(createBrowser())).json(), { code: 'unauthenticated' })
  t.equal((await renew(withRenewal('made-up'))).status, 401)
})

await t.test('a page without a session goes through the renewal and comes back, without a script', async (t) => {
  const user = await signInAs(broker, logins.user)
  dropSessionCookie(user.browser, publicUrl)
  t.equal((await user.browser.visit(`${publicUrl}/auth/me`)).status, 401)
  const landed = await user.browser.visit(`${publicUrl}/auth/renew?return_to=/auth/me`)
  t.match([landed.status, landed.json()], [200, { session: { id: user.sessionId } }])

  const location = async (query: string, browser = createBrowser()) => {
    const answer = await browser.visit(`${publicUrl}/auth/renew?${query}`, { follow: false })
    t.equal(answer.headers['cache-control'], 'no-store')
    return answer.headers.location
  }
  t.equal(
    await location('return_to=/device&tenant=acme'),
    '/auth/sign-in?return_to=%2Fdevice&tenant=acme',
    'who cannot renew signs in'
  )
  t.equal(await location('return_to=/connect&is_optional=true'), '/connect', 'unless the page is for everybody')
  const gone = withRenewal('made-up')
  await location('return_to=/device', gone)
  t.equal(renewalOf(gone, publicUrl), '', 'what is of no use is taken away')
  for (const return_to of ['https://evil.example', '//evil.example', '/\\evil.example', 'auth/me']) {
    const foreign = await user.browser.visit(
      `${publicUrl}/auth/renew?return_to=${encodeURIComponent(return_to)}&is_optional=true`,
      { follow: false }
    )
    t.match([foreign.status, foreign.headers['content-type']], [400, /text\/html/], return_to)
  }
})

await t.test('a way back that is longer than the sign-in takes is refused by its name', async (t) => {
  const sent = (length: number) =>
    createBrowser().visit(`${publicUrl}/auth/renew?return_to=/${'x'.repeat(length - 1)}`, { follow: false })
  const longest = await sent(2_048)
  t.equal(longest.status, 303)
  const signIn = new URL(String(longest.headers.location), publicUrl)
  signIn.searchParams.set('tenant', 'acme')
  t.equal((await createBrowser().visit(signIn, { follow: false })).status, 303, 'where it leads, it is taken')
  t.match(await sent(2_049), { status: 400, body: /return_to/ })
})
