import { randomBytes } from 'node:crypto'
import { deviceSsoState } from '@onbehalf/contracts'
import { signTicket } from '@onbehalf/rpc'
import { hashOf, keyCommands, openSigningKeys } from '@onbehalf/service-kit'
import { eventually, recordSecrets } from '@onbehalf/testkit'
import { makeKeyPair } from '@onbehalf/testkit/players'
import t from 'tap'
import { nonceStore } from '../../src/sso/nonce-store.ts'
import { poll, send, startFlow, startService } from '../start.ts'
import { beginSso, completeAs, decide, mount, newSubject, openBrowser } from './browser.ts'

const { app, broker, publicUrl, redis, resources, startReplica } = await startService(t)
const { postgres, vault, ssoKeys, config } = resources

const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid

t.test('keys change in the middle of a flow, and it goes on, on either side of the change', async (t) => {
  // Shown ten minutes before it signs; the other replica is eleven ahead.
  await keyCommands(['device-sso'])['rotate-keys'](config, { args: [] })
  const now = () => new Date(Date.now() + 660_000)
  const laterKeys = await openSigningKeys(postgres.db, vault, { purpose: 'device-sso', rotateDays: 30, now })
  t.teardown(laterKeys.close)
  const later = await startReplica({ resources: { ssoKeys: laterKeys } })
  await ssoKeys.refresh()
  t.not(laterKeys.signingKey().kid, ssoKeys.signingKey().kid)
  t.same(laterKeys.publicKeys(), ssoKeys.publicKeys(), 'each shows both')

  const next = await makeKeyPair()
  broker.deviceSso.showKey(next)
  for (const [before, after, key] of [
    [app, later, undefined],
    [later, app, next]
  ] as const) {
    const subject = await newSubject(broker)
    const { browser, started, flow } = await beginSso(before, broker)
    const assertion = await broker.deviceSso.assert({ ...subject, ...flow }, key ? { key } : {})
    t.equal(kidOf(assertion) === next.publicKey.kid, key === next)
    const back = await browser.ask('GET', `${mount}/sso-complete?sso_assertion=${assertion}`)
    t.equal(back.headers.location, `${publicUrl}/device?sso_verified=1`, 'the assertion is believed by its kid')
    const elsewhere = openBrowser(after, browser.cookies)
    t.match(await decide({ browser: elsewhere, started, flow }), { status: 200 }, 'and the grant by its own')
    t.match(await poll(after, started.device_code), { status: 200, body: { subject_email: subject.email } })
  }
})

t.test('an unknown kid, a kid of another purpose and none at all are no key of ours', async (t) => {
  const subject = await newSubject(broker)
  const begun = await beginSso(app, broker)
  const said = { ...subject, ...begun.flow }
  const stranger = await makeKeyPair()
  const own = { publicKey: stranger.publicKey, signingKey: ssoKeys.signingKey() }
  const ticketKey = { publicKey: stranger.publicKey, signingKey: resources.keys.signingKey() }
  for (const key of [stranger, own, ticketKey]) {
    const assertion = await broker.deviceSso.assert(said, { key })
    const back = await begun.browser.ask('GET', `${mount}/sso-complete?sso_assertion=${assertion}`)
    t.match(back.headers.location, /sso_error=invalid_sso_assertion/)
  }
  const good = await broker.deviceSso.assert(said)
  const [head = '', ...rest] = good.split('.')
  const withHead = (change: object) => {
    const header = { ...JSON.parse(Buffer.from(head, 'base64url').toString()), ...change }
    return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
  }
  for (const change of [{ kid: undefined }, { alg: 'none' }, { alg: 'HS256' }, { kid: stranger.publicKey.kid }]) {
    const back = await begun.browser.ask('GET', `${mount}/sso-complete?sso_assertion=${withHead(change)}`)
    t.match(back.headers.location, /sso_error=invalid_sso_assertion/, JSON.stringify(change))
  }
  t.match((await completeAs(broker, subject, begun)).headers.location, /sso_verified/)
})

t.test('a grant that we signed ourselves still has to be one', async (t) => {
  const { user_code } = await startFlow(app)
  const id = randomBytes(32).toString('base64url')
  recordSecrets([id])
  const place = { tenant_id: 'instance', table: 'redis', column: 'approval_grant', row: hashOf(id) }
  const put = async (ticket: string) =>
    redis.set(`device-auth:sso-grant:${hashOf(id)}`, (await vault.seal(ticket, place)).toString('base64'), 'EX', 60)
  const state = { intent: 'device_flow', user_code_hash: hashOf(user_code), nonce: hashOf('x'), return_url: publicUrl }
  const about = { issuer: 'device-auth', key: ssoKeys.signingKey() } as const
  const { ticket } = await signTicket(deviceSsoState, { ...state, intent: 'device_flow' }, about)
  for (const one of [ticket, '', 'a.b.c', '{}']) {
    await put(one)
    const context = await send(app, 'GET', `${mount}/approval-context`, {
      headers: { cookie: `onbehalf_device_approval=${id}` }
    })
    t.match(context, { status: 401, body: { error: 'no_session' } })
    t.notMatch(JSON.stringify(context.body), id)
  }
})

t.test(
  'an assertion that led nowhere through no fault of its own can be used again, and a nonce is its holder’s',
  async (t) => {
    const subject = await newSubject(broker)
    const begun = await beginSso(app, broker)
    const assertion = await broker.deviceSso.assert({ ...subject, ...begun.flow })
    const complete = () => begun.browser.ask('GET', `${mount}/sso-complete?sso_assertion=${assertion}`)
    broker.changeRole(subject.user_id, 'member')
    t.match((await complete()).headers.location, /sso_error=email_belongs_to_member/)
    broker.changeRole(subject.user_id, null)
    t.match((await complete()).headers.location, /sso_verified/)

    const nonces = nonceStore(redis)
    t.equal(await nonces.reserve('n', 'one'), true)
    t.equal(await nonces.reserve('n', 'one'), true, 'asked again after an answer that got lost')
    t.equal(await nonces.reserve('n', 'two'), false)
    await nonces.release('n', 'two')
    t.equal(await nonces.reserve('n', 'two'), false, 'nobody lets go of what another holds')
    await nonces.release('n', 'one')
    t.equal(await nonces.reserve('n', 'two'), true)
  }
)

t.test('what a key that leaked has signed is worth nothing any more', async (t) => {
  const begun = await beginSso(app, broker)
  await completeAs(broker, await newSubject(broker), begun)
  const context = () => begun.browser.ask('GET', `${mount}/approval-context`)
  t.match(await context(), { status: 200 })
  await keyCommands(['device-sso'])['rotate-keys'](config, { args: ['device-sso', 'leaked'] })
  await ssoKeys.refresh()
  t.match(await eventually(context, ({ status }) => status !== 200), { status: 401, body: { error: 'no_session' } })
  t.match(await decide(begun), { status: 401, body: { error: 'invalid_session' } })
})
