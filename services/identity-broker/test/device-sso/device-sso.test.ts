import { randomBytes } from 'node:crypto'
import {
  type DeviceSsoState,
  deviceSsoState,
  externalSubjectAssertion,
  findUser,
  listBrokerKeys,
  listDeviceKeys,
  principalTicket,
  startDeviceSso
} from '@onbehalf/contracts'
import { call, createKeySet, serve, signTicket, verifyTicket } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, openBusAs, recordSecrets, signIn } from '@onbehalf/testkit'
import { makeKeyPair } from '@onbehalf/testkit/players'
import { Client } from 'pg'
import t from 'tap'
import { logins, signInAs, startBroker } from '../start.ts'

const external = { sub: 'eve', email: 'eve@partner.test', email_verified: true, name: 'Eve External' }
const unconfirmed = { ...external, sub: 'uwe', email: 'uwe@partner.test', email_verified: false }
const namesake = { ...external, sub: 'ann-2', email: `${logins.user.toUpperCase()}@acme.test` }
const colleague = { ...external, sub: 'dora', email: 'dora@own.test', name: 'Dora' }
const broker = await startBroker(t, { users: [external, unconfirmed, namesake, colleague] })
const { publicUrl, backends, tenantId, idp } = broker
const deviceAuth = await openBusAs(t, backends, 'device-auth')
const [ours, others] = [await makeKeyPair(), await makeKeyPair()]
const served = serve(deviceAuth, listDeviceKeys, async () => ({
  ticket: [others.publicKey],
  session: [],
  device_sso: [ours.publicKey]
}))
t.teardown(served.stop)
await deviceAuth.connection.flush()
const database = new Client({ connectionString: backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())

const soon = () => ({ deadlineAt: Date.now() + 20_000 })
const return_url = `${publicUrl}/openapi/v1/oauth/device/sso-complete`
const newState = (): DeviceSsoState => ({
  intent: 'device_flow',
  user_code_hash: hashOf(randomBytes(8).toString('hex')),
  nonce: hashOf(randomBytes(32).toString('hex')),
  return_url,
  tenant: 'acme'
})
const signed = async (state: DeviceSsoState, { key = ours, contract = deviceSsoState, now = Date.now } = {}) =>
  (await signTicket(contract, state, { issuer: 'device-auth', key: key.signingKey, now })).ticket
const start = async (state: DeviceSsoState) => call(deviceAuth, startDeviceSso, { state: await signed(state) }, soon())

/** The browser stops where device-auth would take over. */
const follow = (to: URL) => !to.href.startsWith(return_url)
const identify = async (login: string, { cookie, url }: Awaited<ReturnType<typeof start>>, decision?: 'deny') => {
  const browser = createBrowser()
  t.teardown(browser.close)
  browser.cookies.store(new URL(publicUrl), [`${cookie.name}=${cookie.value}; Path=/`])
  const page = await signIn(browser, url, { login, follow, ...(decision ? { decision } : {}) })
  const to = new URL(String(page.headers.location ?? page.url))
  const assertion = to.searchParams.get('sso_assertion') ?? ''
  if (assertion) recordSecrets([assertion])
  return { browser, page, to, assertion }
}

const findSsoKey = createKeySet(async () => (await call(deviceAuth, listBrokerKeys, {}, soon())).device_sso ?? [])
const read = (assertion: string) => verifyTicket(externalSubjectAssertion, assertion, { findKey: findSsoKey })
const counts = async () => {
  const tables = ['session', '"grant"', 'member', 'minted_token']
  const all = tables.map((table) => `(select count(*) from identity_broker.${table}) as ${table}`)
  return (await database.query(`select ${all}`)).rows
}

t.test('an IdP identifies somebody for a device, and nothing is left but a user without a role', async (t) => {
  const before = await counts()
  const state = newState()
  const begun = await start(state)
  t.match(begun.cookie, { name: /^onbehalf_sign_in_/, max_age: 600 })
  const asked = new URL(begun.url)
  t.equal(asked.origin, idp.issuer)
  t.equal(
    asked.searchParams.get('redirect_uri'),
    `${publicUrl}/auth/callback/acme/sso`,
    'the one callback of the connection'
  )
  t.equal(asked.searchParams.get('scope'), 'openid email profile', 'nothing to act with when they are away')
  t.strictSame(asked.searchParams.getAll('resource'), [])

  const { browser, page, to, assertion } = await identify(external.sub, begun)
  t.equal(page.status, 303)
  t.equal(`${to.origin}${to.pathname}`, return_url)
  const { user_code_hash, nonce } = state
  const claims = await read(assertion)
  t.match(claims, { tenant_id: tenantId, email: external.email, issuer: idp.issuer, user_code_hash, nonce })
  t.strictSame(browser.cookies.all(new URL('/auth', publicUrl)), {}, 'no session, and no trace of the sign-in')
  t.strictSame(await counts(), before)

  const found = await call(deviceAuth, findUser, { tenant_id: tenantId, user_id: claims.user_id }, soon())
  t.match(found, { role: null, user: { email: external.email }, issuer: idp.issuer, email_belongs_to_member: false })
  const again = await identify(external.sub, await start(newState()))
  t.equal((await read(again.assertion)).user_id, claims.user_id, 'the same person is the same user')
})

t.test('the IdP is asked for a fresh sign-in, and when it was is said', async (t) => {
  const max_age = 300
  const begun = await start({ ...newState(), max_age })
  t.equal(new URL(begun.url).searchParams.get('max_age'), '300')
  const { assertion } = await identify(external.sub, begun)
  const { auth_time = 0 } = await read(assertion)
  t.ok(Math.abs(Date.now() / 1000 - auth_time) < 30)
})

t.test('a member is identified as who they are, and so is who has the e-mail of one', async (t) => {
  for (const [login, role, belongs] of [
    [logins.user, 'member', false],
    [namesake.sub, null, true]
  ] as const) {
    const { user_id } = await read((await identify(login, await start(newState()))).assertion)
    const found = await call(deviceAuth, findUser, { tenant_id: tenantId, user_id }, soon())
    t.match(found, { role, email_belongs_to_member: belongs })
  }
})

t.test('a device is no sign-in: the first one, which their domain makes a member of, is still to come', async (t) => {
  await database.query(
    `insert into identity_broker.domain (id, tenant_id, name, token, verified_at, verified_by)
     values (gen_random_uuid(), $1, 'own.test', 'x', now(), 'instance')`,
    [tenantId]
  )
  const { user_id } = await read((await identify(colleague.sub, await start(newState()))).assertion)
  const times = async () =>
    (await database.query('select signed_in_at, identified_at from identity_broker."user" where id = $1', [user_id]))
      .rows
  t.match(await times(), [{ signed_in_at: null, identified_at: Date }])
  const roleOf = async () => (await call(deviceAuth, findUser, { tenant_id: tenantId, user_id }, soon())).role
  t.equal(await roleOf(), null)
  t.equal((await signInAs(broker, colleague.sub)).userId, user_id)
  t.match(await times(), [{ signed_in_at: Date }])
  t.equal(await roleOf(), 'member')
})

t.test('what goes wrong on the way is told where the device waits, in one word', async (t) => {
  for (const [login, decision] of [
    [external.sub, 'deny'],
    [unconfirmed.sub, undefined]
  ] as const) {
    const { to } = await identify(login, await start(newState()), decision)
    t.equal(to.href, `${return_url}?sso_error=sso_failed`)
  }
  const users = await database.query('select 1 from identity_broker."user" where subject = $1', [unconfirmed.sub])
  t.equal(users.rowCount, 0, 'and leaves nobody')
})

t.test('another browser than the one that began, and a second use, get nothing', async (t) => {
  const begun = await start(newState())
  const stolen = await identify(external.sub, { ...begun, cookie: { ...begun.cookie, value: 'another' } })
  t.match([stolen.page.status, stolen.assertion], [400, ''])
  const used = await start(newState())
  const { page, browser } = await identify(external.sub, used)
  browser.cookies.store(new URL(publicUrl), [`${used.cookie.name}=${used.cookie.value}; Path=/`])
  const callback = page.hops.find(({ url }) => url.includes('/auth/callback/'))?.url ?? ''
  t.match(callback, /code=/)
  t.match(await browser.visit(callback, { follow }), { status: 400, body: /used already/ })
})

t.test('nobody but device-auth begins, for nobody but us, and not for long', async (t) => {
  const ask = (state: string) => call(deviceAuth, startDeviceSso, { state }, soon())
  const state = newState()
  const bad = {
    'with a key of its tickets': await signed(state, { key: others }),
    'with a key of nobody': await signed(state, { key: await makeKeyPair() }),
    'of another time': await signed(state, { now: () => Date.now() - 120_000 }),
    'of the future': await signed(state, { now: () => Date.now() + 120_000 }),
    'of another type': await signed(state, { contract: { ...deviceSsoState, type: principalTicket.type } }),
    'for another reader': await signed(state, { contract: { ...deviceSsoState, audience: 'onbehalf' } }),
    'to another origin': await signed({ ...state, return_url: 'https://evil.example/sso-complete' }),
    'of another shape': await signed(Object.assign({ ...state }, { nonce: 7 }))
  }
  for (const [what, envelope] of Object.entries(bad)) await t.rejects(ask(envelope), { code: 'policy_denied' }, what)
  const altered = bad['of another time'].split('.')
  await t.rejects(ask([altered[0], altered[1], 'A'.repeat(86)].join('.')), { code: 'policy_denied' })
  await t.rejects(start({ ...state, tenant: 'nowhere' }), { code: 'not_found' })
  await t.rejects(start({ ...state, connection: 'other' }), { code: 'not_found' })
  const { tenant: _, ...anywhere } = state
  await t.rejects(start(anywhere), { code: 'not_found' }, 'two tenants are here, and neither is meant')
})
