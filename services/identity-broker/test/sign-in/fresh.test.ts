import { resolveSession } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { type Browser, createBrowser, type Page, randomPassword, recordSecrets, signIn } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { cookieOf, dropSessionCookie, logins, renewalOf, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port] })
const { publicUrl } = broker
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const client_secret = randomPassword()
recordSecrets([client_secret])
const played = { client_id: 'onbehalf', client_secret, issuer: idp.issuer, scopes: 'openid' }
t.equal((await send(owner, 'POST', '/v1/connections', { ...played, name: 'played' })).status, 201)

const now = () => Math.floor(Date.now() / 1000)
const start = (query: Record<string, string>) =>
  `${publicUrl}/auth/sign-in?${new URLSearchParams({ tenant: 'acme', return_to: '/auth/me', ...query })}`
/** What a browser's session says of when its user signed in at the IdP. */
const authTimeOf = async (browser: Browser): Promise<number | undefined> => {
  const cookie = cookieOf(browser, publicUrl)
  recordSecrets([cookie, renewalOf(browser, publicUrl)])
  const { sid } = JSON.parse(Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString())
  const session = { tenant_id: broker.tenantId, session_id: sid }
  return (await call(broker.bus, resolveSession, session, { deadlineAt: Date.now() + 20_000 })).auth_time
}
/** As what the IdP's pages showed themselves on the way. */
const asked = ({ hops }: Page) => hops.filter(({ url }) => url.includes('/interaction/')).length
const isNow = (time: number | undefined) => time !== undefined && Math.abs(now() - time) < 30

await t.test(
  'who signs in with max_age has a session that says when they did, and keeps it when renewed',
  async (t) => {
    const { browser } = await signInAs(broker, logins.user)
    t.equal(await authTimeOf(browser), undefined, 'this IdP says it only when it is asked')
    const silent = await signIn(browser, start({ max_age: '3600' }), { login: logins.user })
    t.equal(silent.status, 200)
    const told = await authTimeOf(browser)
    t.ok(isNow(told))
    const again = await signIn(browser, start({ max_age: '0' }), { login: logins.user })
    t.ok(asked(again) > asked(silent), 'max_age 0 has the IdP ask who it is')
    t.ok(Number(await authTimeOf(browser)) >= Number(told))

    const before = "update identity_broker.session set auth_time = now() - interval '1 hour' where ended_at is null"
    await database.query(before)
    const aged = Number(await authTimeOf(browser))
    dropSessionCookie(browser, publicUrl)
    const renewed = await browser.visit(`${publicUrl}/auth/renew?return_to=/auth/me`)
    t.equal(renewed.status, 200)
    t.equal(await authTimeOf(browser), aged, 'a renewal is no sign-in')
  }
)

const signInPlayed = async (claims: Record<string, unknown>, query: Record<string, string> = { max_age: '300' }) => {
  idp.claims = claims
  const browser = createBrowser()
  const { status, body } = await browser.visit(start({ connection: 'played', ...query }))
  return { browser, status, body }
}
const counts = async () =>
  (
    await database.query(
      `select (select count(*) from identity_broker.session) as sessions,
        (select count(*) from identity_broker."grant") as grants`
    )
  ).rows

await t.test('an IdP that does not prove it signs nobody in, and nothing is stored', async (t) => {
  t.equal((await signInPlayed({ auth_time: now() - 290 })).status, 200)
  t.equal(idp.asked.get('max_age'), '300')
  t.equal((await signInPlayed({ auth_time: now() - 320 })).status, 200, 'its clock may be off by half a minute')
  const before = await counts()
  const rows: [string, Record<string, unknown>, RegExp][] = [
    ['says nothing', {}, /did not say when you signed in there/],
    ['an older one', { auth_time: now() - 400 }, /let you in by an older one/],
    ['milliseconds', { auth_time: Date.now() }, /did not say when/],
    ['tomorrow', { auth_time: now() + 86_400 }, /did not say when/]
  ]
  for (const [name, claims, words] of rows) {
    const { status, body, browser } = await signInPlayed(claims)
    t.match([status, body], [400, words], name)
    t.equal(cookieOf(browser, publicUrl), '', 'no session')
  }
  t.same(await counts(), before)
  const plain = await signInPlayed({ auth_time: now() - 400 }, {})
  t.equal(plain.status, 200, 'it matters to nobody who did not ask')
  t.equal(idp.asked.get('max_age'), null)
  t.equal(now() - Number(await authTimeOf(plain.browser)) >= 400, true, 'and is kept all the same')
  t.equal(await authTimeOf((await signInPlayed({ auth_time: now() + 86_400 }, {})).browser), undefined)
  idp.claims = {}
})

await t.test('plain OAuth 2 cannot prove it, which is said before anybody goes there', async (t) => {
  const { issuer: _, ...client } = played
  const endpoints = { authorization_endpoint: `${idp.issuer}/auth`, token_endpoint: `${idp.issuer}/token` }
  const plain = { ...client, ...endpoints, userinfo_endpoint: `${idp.issuer}/userinfo`, name: 'plain', kind: 'oauth2' }
  t.equal((await send(owner, 'POST', '/v1/connections', plain)).status, 201)
  idp.seen.length = 0
  const { status, body } = await signInPlayed({}, { connection: 'plain', max_age: '300' })
  t.match([status, body], [403, /cannot prove one: it is connected by plain OAuth 2/])
  t.same(idp.seen, [])
  const { browser, status: usual } = await signInPlayed({ auth_time: now() }, { connection: 'plain' })
  t.equal(usual, 200)
  t.equal(await authTimeOf(browser), undefined, 'an ID token that nobody verified says nothing')
})

await t.test('who is signed in goes to the IdP they came from', async (t) => {
  const { browser } = await signInPlayed({})
  idp.claims = {}
  const first = await browser.visit(start({ connection: 'played' }))
  t.equal(first.status, 200)
  idp.claims = { auth_time: now() }
  const { hops, status } = await browser.visit(start({ max_age: '60' }))
  t.equal(status, 200)
  t.ok(hops.some(({ url }) => url.startsWith(idp.issuer)))
  t.ok(isNow(await authTimeOf(browser)))
  const stranger = await createBrowser().visit(start({ max_age: '60' }), { follow: false })
  t.match(stranger.headers.location, broker.idp.issuer, 'anybody else to the first')
  idp.claims = {}
})

await t.test('a max_age that is none is refused', async (t) => {
  for (const max_age of ['-1', 'x', '1.5', '2592001', ''])
    t.equal((await createBrowser().visit(start({ max_age }), { follow: false })).status, 400, max_age)
})
