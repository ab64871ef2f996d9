import { randomUUID } from 'node:crypto'
import { resolveSession } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { createBrowser, recordSecrets } from '@onbehalf/testkit'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { playIdp } from '../played-idp.ts'
import { cookieOf, listenToChanges, logins, renewalOf, type SignedIn, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const other = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port, other.port] })
const { publicUrl, tenantId } = broker
const changes = await listenToChanges(t, broker)
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
await database.query('set search_path to identity_broker')
t.teardown(() => database.end())

const connection = (name: string, issuer: string, scopes = 'openid') => ({
  ...{ name, issuer, scopes, client_id: 'onbehalf', client_authentication: 'none', resource_support: 'none' }
})
await broker.bootstrap({
  tenants: [
    {
      slug: 'acme',
      name: 'Acme',
      connections: [connection('played', idp.issuer), connection('other', other.issuer)],
      members: []
    }
  ]
})

type Person = { browser: ReturnType<typeof createBrowser>; sessionId: string; userId: string }

/** Somebody who signs in at the played IdP, in a session of its own there. */
const signInBy = async (sub: string, sid: string, name = 'played'): Promise<Person> => {
  const browser = createBrowser()
  for (const one of [idp, other]) one.claims = { sub, sid }
  const page = await browser.visit(`${publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`)
  const { session, user } = JSON.parse(page.body)
  recordSecrets([cookieOf(browser, publicUrl), renewalOf(browser, publicUrl)])
  return { browser, sessionId: session.id, userId: user.id }
}
const isSignedIn = async ({ sessionId }: Pick<SignedIn, 'sessionId'>): Promise<boolean> => {
  const asked = { tenant_id: tenantId, session_id: sessionId }
  return call(broker.bus, resolveSession, asked, { deadlineAt: Date.now() + 20_000 }).then(
    () => true,
    () => false
  )
}
const grantsOf = async ({ userId }: Person) =>
  (await database.query('select id, dead_reason, refresh_token from "grant" where user_id = $1', [userId])).rows

const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
/** What an IdP sends, but for what the test changes; the played IdP's usual subject is left out. */
const logoutToken = (claims: Record<string, unknown>, header: { typ?: string; kid?: string } = { typ: 'logout+jwt' }) =>
  idp.sign({ sub: undefined, jti: randomUUID(), events, ...claims }, header)
const post = async (logout_token: string, place = 'acme/played') => {
  const browser = createBrowser()
  const url = `${publicUrl}/auth/back-channel-logout/${place}`
  const answer = await browser.visit(url, { form: { logout_token } })
  await browser.close()
  return answer
}

await t.test(
  'signing out at a real identity provider ends what came out of that session, and nothing else',
  async (t) => {
    const user = await signInAs(broker, logins.user)
    const elsewhere = await signInAs(broker, logins.user)
    const second = await signInAs(broker, logins.second)
    const confirm = await user.browser.visit(`${broker.idp.issuer}/session/end`)
    await user.browser.submit(confirm, undefined, { button: { name: 'logout' } })
    t.same([await isSignedIn(user), await isSignedIn(elsewhere), await isSignedIn(second)], [false, true, true])
    await t.resolves(changes.heard('session', user.sessionId), 'every service is told')
    t.equal((await user.browser.visit(`${publicUrl}/auth/me`)).status, 401)
    const recorded =
      'select action, actor_kind, details from audit_event where subject_id = $1 order by id desc limit 1'
    t.match((await database.query(recorded, [user.sessionId])).rows, [
      { action: 'session.ended', actor_kind: 'system', details: { reason: 'identity_provider' } }
    ])
  }
)

await t.test('a session of the IdP, a person, or a person in a session: that ends, and no more', async (t) => {
  const [desk, phone] = [await signInBy('ann', 'desk'), await signInBy('ann', 'phone')]
  const bob = await signInBy('bob', 'shared')
  const namesake = await signInBy('ann', 'desk', 'other')
  const all = () => Promise.all([desk, phone, bob, namesake].map(isSignedIn))

  const answer = await post(await logoutToken({ sub: 'ann', sid: 'shared' }))
  t.match([answer.status, answer.headers['cache-control'], answer.body], [200, 'no-store', ''])
  t.same(await all(), [true, true, true, true], 'that session is not hers')
  t.equal((await post(await logoutToken({ sid: 'desk' }))).status, 200)
  t.same(await all(), [false, true, true, true])
  t.equal((await post(await logoutToken({ sub: 'ann' }))).status, 200)
  t.same(await all(), [false, false, true, true])
  t.equal((await post(await logoutToken({ sub: 'bob', sid: 'shared' }))).status, 200)
  t.same(await all(), [false, false, false, true], 'and another IdP has its own people')
})

await t.test('grants that were given for when their user is away live on, others end with the session', async (t) => {
  const user = await signInBy('carl', 'one')
  const [grant] = await grantsOf(user)
  t.equal(grant.dead_reason, null)
  await post(await logoutToken({ sid: 'another' }))
  t.equal((await grantsOf(user))[0].dead_reason, null)
  await post(await logoutToken({ sub: 'carl' }))
  t.match(await grantsOf(user), [{ dead_reason: 'idp_logout', refresh_token: null }])
  await t.resolves(changes.heard('grant', grant.id))

  idp.answers.set('/token', {
    body: async () => {
      const id_token = await idp.sign({ nonce: idp.asked.get('nonce'), sub: 'dora', sid: 'two' })
      const [access_token, refresh_token] = [`access-${randomUUID()}`, `refresh-${randomUUID()}`]
      recordSecrets([id_token, access_token, refresh_token])
      return { access_token, refresh_token, id_token, token_type: 'Bearer', scope: 'openid offline_access' }
    }
  })
  const away = await signInBy('dora', 'two')
  idp.answers.delete('/token')
  await post(await logoutToken({ sid: 'two' }))
  t.equal(await isSignedIn(away), false)
  t.match(await grantsOf(away), [{ dead_reason: null }], 'offline_access was granted')
})

await t.test('each token works once', async (t) => {
  const first = await signInBy('emma', 'e')
  const token = await logoutToken({ sid: 'e', jti: 'once' })
  t.equal((await post(token)).status, 200)
  t.equal(await isSignedIn(first), false)
  const second = await signInBy('emma', 'e')
  t.match(await post(token).then(({ status, body }) => [status, body]), [400, /"error":"invalid_request".*used before/])
  const sameName = await logoutToken({ sid: 'e', jti: 'once', iat: Math.floor(Date.now() / 1000) - 1 })
  t.equal((await post(sameName)).status, 400, 'its name counts, not its text')
  t.equal(await isSignedIn(second), true)
})

await t.test('a token that does not hold ends nothing, and is told what is wrong', async (t) => {
  const user = await signInBy('finn', 'f')
  const now = Math.floor(Date.now() / 1000)
  const claims = { sid: 'f', jti: 'j', iss: idp.issuer, aud: 'onbehalf', iat: now, exp: now + 60, events }
  const stranger = await generateKeyPair('ES256')
  const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(stranger.publicKey)))
  const rows: [string, string, RegExp][] = [
    ['no token', 'x', /signed/],
    ['unsigned', new UnsecuredJWT(claims).encode(), /signed/],
    ['a shared secret', await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret), /signed/],
    [
      "a stranger's key",
      await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'played' }).sign(stranger.privateKey),
      /signed/
    ],
    ['a key nobody knows', await logoutToken({ sid: 'f' }, { typ: 'logout+jwt', kid: 'unknown' }), /signed/],
    ['another issuer', await logoutToken({ sid: 'f', iss: 'https://evil.example' }), /its iss/],
    ['for another client', await logoutToken({ sid: 'f', aud: 'another' }), /its aud/],
    ['ended', await logoutToken({ sid: 'f', iat: now - 120, exp: now - 60 }), /ended/],
    ['without an end', await logoutToken({ sid: 'f', exp: undefined }), /its exp/],
    ['from long ago', await logoutToken({ sid: 'f', iat: now - 3600, exp: now + 60 }), /older/],
    ['from the future', await logoutToken({ sid: 'f', iat: now + 300, exp: now + 600 }), /its iat/],
    ['without a time', await logoutToken({ sid: 'f', iat: undefined }), /its iat/],
    ['without a name', await logoutToken({ sid: 'f', jti: undefined }), /its jti/],
    ['without an event', await logoutToken({ sid: 'f', events: undefined }), /its events/],
    ['another event', await logoutToken({ sid: 'f', events: { 'https://example.com/event': {} } }), /its events/],
    [
      'an event that is no object',
      await logoutToken({ sid: 'f', events: { [Object.keys(events)[0] ?? '']: 1 } }),
      /its events/
    ],
    ['a nonce', await logoutToken({ sid: 'f', nonce: 'n' }), /a nonce/],
    ['nobody', await logoutToken({}), /neither a sub nor a sid/],
    ['a session that is no text', await logoutToken({ sid: 5 }), /no text/],
    ['another kind of token', await logoutToken({ sid: 'f' }, { typ: 'at+jwt' }), /its typ/],
    ['an id_token', await idp.sign({ sid: 'f', nonce: 'n' }), /its (jti|events)/]
  ]
  for (const [what, token, why] of rows) {
    const answer = await post(token)
    t.match([answer.status, answer.headers['cache-control']], [400, 'no-store'], what)
    t.match(answer.json(), { error: 'invalid_request', error_description: why }, what)
  }
  const elsewhere = await post(await logoutToken({ sid: 'f' }), 'acme/other')
  t.equal(elsewhere.status, 400, "at another connection's address")
  t.equal((await post(await logoutToken({ sid: 'f' }), 'acme/nothing')).status, 404)
  t.equal((await post(await logoutToken({ sid: 'f' }), 'nobody/played')).status, 404)
  const empty = await createBrowser().visit(`${publicUrl}/auth/back-channel-logout/acme/played`, { form: { x: 'y' } })
  t.match([empty.status, empty.json()], [400, { error: 'invalid_request' }])
  t.equal(await isSignedIn(user), true)
  t.equal((await post(await logoutToken({ sid: 'f' }, {}))).status, 200, 'no typ, as before there was one')
  t.equal(await isSignedIn(user), false)
})

await t.test('a token may be of 64 KiB, and little more than that is read', async (t) => {
  const large = await post('x'.repeat(64 * 1024))
  t.match([large.status, large.json()], [400, { error_description: /does not hold/ }])
  const tooLarge = await post('x'.repeat(80 * 1024))
  t.match([tooLarge.status, tooLarge.json()], [413, { error: 'payload_too_large' }])
})

await t.test('who guesses is stopped, and an IdP that ends many sessions is not', async (t) => {
  // Until it is said: on a slow machine a minute may end on the way, and another one begin.
  const statuses = new Set<number>()
  for (let tried = 0; tried < 200 && !statuses.has(429); tried += 1) statuses.add((await post('x')).status)
  t.same([...statuses], [400, 429])
  t.match(await post(await logoutToken({ sid: 'f' })), { status: 429, headers: { 'retry-after': /^\d+$/ } })
})
