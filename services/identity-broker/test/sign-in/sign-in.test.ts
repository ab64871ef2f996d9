import { createBrowser, signIn, until } from '@onbehalf/testkit'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import t from 'tap'
import { cookieOf, logins, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const { publicUrl } = broker
broker.register('http://127.0.0.1:9/a', { server_identifier: 'a' })
broker.register('http://127.0.0.1:9/b', { server_identifier: 'b' })
broker.register('http://127.0.0.1:9/plain', { server_identifier: 'plain', mode: 'off' })
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())

const start = `${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`
const countOf = async (table: string): Promise<number> =>
  Number((await database.query(`select count(*) from identity_broker.${table}`)).rows[0].count)
const grantsOf = async (userId: string) =>
  (await database.query('select * from identity_broker."grant" where user_id = $1', [userId])).rows

/** Walks to the IdP and back, and answers with the callback it would have followed. */
const callbackOf = async (browser = createBrowser()) => {
  const begun = await browser.visit(start, { follow: false })
  const location = String(begun.headers.location)
  const toCallback = (to: URL) => !to.pathname.startsWith('/auth/callback')
  const next = await signIn(browser, location, { login: logins.user, follow: toCallback })
  return { browser, location, callback: String(next.headers.location) }
}

await t.test(
  'a sign-in asks for every forwarding audience, with PKCE, nonce and state, and stores the grant',
  async (t) => {
    const { location, browser, callback } = await callbackOf()
    const asked = new URL(location).searchParams
    t.same(asked.getAll('resource'), ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b'])
    t.equal(asked.get('code_challenge_method'), 'S256')
    t.ok(asked.get('nonce') && asked.get('state') && asked.get('code_challenge'))
    t.equal(asked.get('redirect_uri'), `${publicUrl}/auth/callback/acme/sso`)
    const landed = await browser.visit(callback)
    t.match(landed.json(), { user: { email: 'ann@acme.test' }, role: 'member', tenant: { name: 'Acme' } })
    const [grant] = await grantsOf(broker.userIds[logins.user] ?? '')
    t.same(grant.resources, ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b'])
    t.notMatch(grant.refresh_token.toString('latin1'), /[\w-]{40}/, 'which is not there in clear')
  }
)

await t.test('the session cookie is out of reach of scripts and other sites, and says nothing secret', async (t) => {
  const browser = createBrowser()
  const landed = await signIn(browser, `${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/jwks.json`, {
    login: logins.user
  })
  t.equal(landed.status, 200)
  const { browser: other, callback } = await callbackOf()
  const answer = await other.visit(callback, { follow: false })
  const [session = ''] = [answer.headers['set-cookie']].flat().filter((one) => one?.startsWith('onbehalf_session='))
  t.match(session, /HttpOnly/)
  t.match(session, /SameSite=Lax/)
  t.match(session, /Path=\//)
  t.match(session, /Max-Age=600/)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers['referrer-policy'], 'no-referrer')
  const claims = JSON.parse(Buffer.from(cookieOf(other, publicUrl).split('.')[1] ?? '', 'base64url').toString())
  t.same(Object.keys(claims).sort(), ['aud', 'csrf', 'exp', 'iat', 'iss', 'sid', 'sub', 'tenant_id'])
})

await t.test('another site signs nobody out of their account and into one of its own, unasked', async (t) => {
  const sent = (browser: ReturnType<typeof createBrowser>, from: string) =>
    browser.visit(start, { follow: false, headers: { 'sec-fetch-site': from } })
  const browser = createBrowser()
  t.equal((await sent(browser, 'cross-site')).status, 303, 'who is not signed in is sent on')
  await signIn(browser, start, { login: logins.user })
  for (const from of ['cross-site', 'same-site']) {
    const asked = await sent(browser, from)
    t.match([asked.status, asked.body], [200, 'Sign in again?'], from)
    t.ok(asked.body.includes(`href="/auth/sign-in?tenant=acme&amp;return_to=/auth/me"`), 'it goes on where it was')
  }
  const worded = `${publicUrl}/auth/sign-in?tenant=${encodeURIComponent('call us: acme.example')}`
  const refused = await browser.visit(worded, { headers: { 'sec-fetch-site': 'cross-site' } })
  t.equal(refused.status, 400)
  t.notMatch(refused.body, 'acme.example', 'and it puts no words of its own on our page')
  t.match((await browser.visit(`${publicUrl}/auth/me`)).json(), { user: { email: 'ann@acme.test' } })
  for (const from of ['same-origin', 'none']) t.equal((await sent(browser, from)).status, 303, from)
})

await t.test('a callback works once, in the browser that began it, and for nobody else', async (t) => {
  const sessions = await countOf('session')
  const { callback, browser } = await callbackOf()
  const stolen = await createBrowser().visit(callback)
  t.match([stolen.status, stolen.body], [400, /sign_in_failed/], 'in another browser')
  const elsewhere = callback.replace('/acme/sso', '/globex/sso')
  t.match((await (await callbackOf()).browser.visit(elsewhere)).status, 400, "at another connection's address")
  const foreign = (await callbackOf()).browser
  t.equal((await foreign.visit(callback)).status, 400, 'in a browser with a sign-in of its own')
  t.equal((await browser.visit(callback, { follow: false })).status, 303)
  t.equal((await browser.visit(callback)).status, 400, 'a second time')
  t.equal((await countOf('session')) - sessions, 1)
})

await t.test('a code that comes back at the address of another identity provider is not redeemed', async (t) => {
  const asked = broker.idp.log().by_grant_type.authorization_code
  const { callback, browser } = await callbackOf()
  const mixedUp = await browser.visit(callback.replace('/acme/sso', '/globex/sso'))
  t.match([mixedUp.status, mixedUp.body], [400, /another identity provider/])
  t.equal(broker.idp.log().by_grant_type.authorization_code, asked, 'the token endpoint never saw the code')
})

await t.test('two tabs may sign in at once, and nobody begins without end', async (t) => {
  const first = await callbackOf()
  const second = await callbackOf(first.browser)
  t.equal((await first.browser.visit(first.callback, { follow: false })).status, 303)
  t.equal((await second.browser.visit(second.callback, { follow: false })).status, 303)
})

await t.test('what the IdP refuses, or says in another name, is a clear error, and nothing is stored', async (t) => {
  const [sessions, users] = [await countOf('session'), await countOf('"user"')]
  const changed = async (change: (query: URLSearchParams) => void) => {
    const { browser, callback } = await callbackOf()
    const url = new URL(callback)
    change(url.searchParams)
    return browser.visit(url)
  }
  const denied = await changed((query) => {
    query.delete('code')
    query.set('error', 'access_denied')
  })
  t.match([denied.status, denied.body], [400, /access_denied/])
  const otherIssuer = await changed((query) => query.set('iss', 'https://evil.example'))
  t.match([otherIssuer.status, otherIssuer.body], [400, /sign_in_failed/], 'RFC 9207: another issuer')
  t.equal((await changed((query) => query.set('code', 'made-up'))).status, 400)
  t.equal((await changed((query) => query.set('state', 'made-up'))).status, 400)
  t.equal((await changed((query) => query.append('state', 'twice'))).status, 400)
  t.notMatch(otherIssuer.body, /stack|node_modules|openid-client/)
  t.same([await countOf('session'), await countOf('"user"')], [sessions, users])
})

await t.test('return_to leads to our own paths only', async (t) => {
  for (const return_to of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/%0d%0aset-cookie:x',
    '\\/evil.example',
    'auth/me'
  ]) {
    const url = `${publicUrl}/auth/sign-in?tenant=acme&return_to=${encodeURIComponent(return_to)}`
    const { status, headers } = await createBrowser().visit(url, { follow: false })
    if (return_to.startsWith('/%0d')) t.notMatch(headers['set-cookie'], /^x/)
    else t.equal(status, 400, return_to)
  }
})

await t.test(
  'an unknown place to sign in is 404; where none is named and there are several, it is asked for',
  async (t) => {
    t.equal((await createBrowser().visit(`${publicUrl}/auth/sign-in?tenant=nobody`)).status, 404)
    const browser = createBrowser()
    const asked = await browser.visit(`${publicUrl}/auth/sign-in?return_to=/auth/me`)
    t.match([asked.status, asked.body], [200, /Which organisation/])
    const gone = await browser.submit(asked, asked.forms()[0], { values: { tenant: 'acme' }, follow: false })
    t.ok(String(gone.headers.location).startsWith(broker.idp.issuer))
  }
)

await t.test('what goes wrong is a page, and says nothing of the inside', async (t) => {
  const page = await createBrowser().visit(`${publicUrl}/auth/callback/acme/sso?code=x&state=y`)
  t.match(page.headers['content-type'], /text\/html/)
  t.match(page.body, /Please sign in again/)
  t.match(page.headers['content-security-policy'], /default-src 'none'/)
  t.notMatch(page.body, /node_modules|at Object|Error:/)
})

await t.test('a later sign-in for more servers takes the place of the earlier grant', async (t) => {
  const user = await signInAs(broker, logins.second)
  const [before] = await grantsOf(user.userId)
  const again = await signInAs(broker, logins.second)
  const [same, ...none] = await grantsOf(user.userId)
  t.same([same.id, none], [before.id, []])
  t.ok(same.generation > before.generation, 'the same grant, one generation on')
  broker.register('http://127.0.0.1:9/c', { server_identifier: 'c' })
  await signInAs(broker, logins.second)
  const [wider, ...rest] = await grantsOf(again.userId)
  t.same(rest, [])
  t.ok(wider.resources.includes('http://127.0.0.1:9/c'))
})

await t.test('an IdP that is away is said, and comes back', async (t) => {
  const { port } = broker.idp
  await broker.bootstrap({
    tenants: [
      {
        slug: 'away',
        name: 'Away',
        connections: [
          {
            name: 'sso',
            issuer: `http://127.0.0.1:${port === 1 ? 2 : 1}`,
            client_id: 'x',
            client_authentication: 'none',
            scopes: 'openid',
            resource_support: 'none'
          }
        ],
        members: []
      }
    ]
  })
  const refused = await createBrowser().visit(`${publicUrl}/auth/sign-in?tenant=away`)
  t.match([refused.status, refused.headers['retry-after']], [503, /\d/])
  t.match(refused.body, /identity_provider_unavailable/)
  t.notMatch(refused.body, /127\.0\.0\.1|EGRESS|ECONNREFUSED/)
})

await t.test('without Redis nobody can begin a sign-in, and who is signed in goes on', async (t) => {
  const user = await signInAs(broker, logins.user)
  await broker.backends.redis.stop()
  t.equal((await createBrowser().visit(start, { follow: false })).status, 503)
  t.equal((await user.browser.visit(`${publicUrl}/auth/me`)).status, 200)
  t.ok((await user.ticket()).length > 0)
  await broker.backends.redis.restart()
  // Not by beginning a sign-in again and again: those are counted.
  await until(async () => !(await user.browser.visit(`${publicUrl}/readyz`)).body.includes('redis'))
  t.equal((await createBrowser().visit(start, { follow: false })).status, 303)
})

await t.test('no state, nonce or verifier rests in Redis', async (t) => {
  const redis = new Redis(broker.backends.redis.adminUrl())
  t.teardown(() => redis.disconnect())
  const begun = await createBrowser().visit(start, { follow: false })
  const state = new URL(String(begun.headers.location)).searchParams.get('state') ?? ''
  t.ok((await redis.keys('*')).every((key) => key.startsWith('identity-broker:')))
  const keys = await redis.keys('identity-broker:sign-in:*')
  t.ok(keys.length > 0)
  for (const key of keys) {
    t.notOk(`${key} ${await redis.get(key)}`.includes(state))
    t.ok((await redis.ttl(key)) <= 600)
  }
})

await t.test('what an IdP is asked for and Redis remembers stays small, however many servers there are', async (t) => {
  const redis = new Redis(broker.backends.redis.adminUrl())
  t.teardown(() => redis.disconnect())
  const asked = async (query = '') => {
    await redis.flushall()
    const return_to = `/${'x'.repeat(2_047)}`
    const url = `${publicUrl}/auth/sign-in?tenant=acme&return_to=${return_to}${query}`
    const { headers } = await createBrowser().visit(url, { follow: false })
    const [key = ''] = await redis.keys('identity-broker:sign-in:*')
    t.ok((await redis.strlen(key)) < 16 * 1024)
    return new URL(String(headers.location)).searchParams.getAll('resource')
  }
  const servers = Array.from({ length: 80 }, (_, index) => `http://127.0.0.1:9/${100 + index}`)
  for (const [index, audience] of servers.entries()) broker.register(audience, { server_identifier: `s${index}` })
  t.same(await asked(), servers.slice(0, 64))
  t.same(
    await asked('&provider=s79'),
    [...servers.slice(0, 63), servers[79]],
    'the one that is signed in for is among them'
  )
  const long = Array.from({ length: 6 }, (_, index) => `http://127.0.0.1:9/0${index}${'x'.repeat(2_000)}`)
  for (const [index, audience] of long.entries()) broker.register(audience, { server_identifier: `long${index}` })
  t.same(await asked('&provider=long5'), [...long.slice(0, 3), long[5]])
})

await t.test('a way back that is longer than a path of ours is refused by its name', async (t) => {
  const sent = (length: number) =>
    createBrowser().visit(`${publicUrl}/auth/sign-in?tenant=acme&return_to=/${'x'.repeat(length - 1)}`, {
      follow: false
    })
  t.equal((await sent(2_048)).status, 303)
  t.match(await sent(2_049), { status: 400, body: /return_to/ })
})
