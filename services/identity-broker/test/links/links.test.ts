import { randomUUID } from 'node:crypto'
import type { ReportedError } from '@onbehalf/errors'
import { busAuthenticators, hashOf, openPostgres } from '@onbehalf/service-kit'
import { createBrowser, eventually, signIn, until } from '@onbehalf/testkit'
import { Redis } from 'ioredis'
import t from 'tap'
import * as saidBy from '../../migrations/0032-said-by.ts'
import { listenToChanges, logins, type SignedIn, signInAs } from '../start.ts'
import { startLinks } from './start.ts'

const links = await startLinks(t)
const { broker, send, database, owner, user, second, stranger, edwards, foreignPair, returnUrl, app, key, codes } =
  links
const { keyOf, redeemBy, signedIn, inSeconds, linkOf, allow, resolve, refusalOf, linksOf } = links
const { bus, publicUrl } = broker

/** Codes that wait, as Redis would keep them on disk. */
const allCodes = async () => {
  const redis = new Redis(broker.backends.redis.adminUrl())
  const keys = await redis.keys('identity-broker:link-code:*')
  const found = await Promise.all(keys.map(async (code) => [code, (await redis.get(code)) ?? ''] as const))
  redis.disconnect()
  return found
}
const bringBack = async (found: Awaited<ReturnType<typeof allCodes>>) => {
  const redis = new Redis(broker.backends.redis.adminUrl())
  for (const [code, allowed] of found) await redis.set(code, allowed, 'EX', 120)
  redis.disconnect()
}

await t.test('a link that the app signed and its user passed holds when the app has redeemed the code', async (t) => {
  const external_id = 'ann at notes'
  t.match(await refusalOf(resolve(external_id)), { code: 'no_refresh_token' })
  signedIn(user.browser, external_id)
  const page = await user.browser.visit(await linkOf({ sub: external_id, return_url: returnUrl }))
  t.match(page.body, /Let Notes act as you\?/)
  for (const shown of ['ann at notes', 'ann, Acme']) t.ok(page.body.includes(`<dd>${shown}</dd>`), shown)
  t.same(await linksOf(user), [], 'reading it changes nothing')
  const back = await allow(user.browser, page)
  t.match([back.status, back.url], [200, `${returnUrl}&code=`])
  t.match(back.json(), { external_id, user_id: user.userId })
  t.match((await resolve(external_id)).principal, { kind: 'app', app_id: app.id, user_id: user.userId })
  t.match(await linksOf(user), [{ external_id, app: { id: app.id, name: 'Notes' }, user: { id: user.userId } }])
  const { body: audit } = await send(owner, 'GET', '/v1/audit/identity?limit=2')
  t.match(audit.data, [
    { action: 'link.created', actor: { kind: 'app', id: app.id }, details: { external_id, user_id: user.userId } },
    { action: 'link.allowed', actor: { kind: 'user', id: user.userId }, details: { external_id } }
  ])
})

await t.test('a link that somebody sends to somebody else links neither of them', async (t) => {
  const before = await linksOf(owner)
  const lure = await linkOf({ sub: 'mallory', return_url: returnUrl })
  signedIn(second.browser, 'cem')
  const page = await second.browser.visit(lure)
  const back = await allow(second.browser, page)
  t.match([back.status, back.json()], [404, { code: 'expired_or_unknown' }], 'the code came to the session of another')
  t.same(await linksOf(owner), before)
  t.match(await refusalOf(resolve('mallory')), { code: 'no_refresh_token' })
  t.match(await refusalOf(resolve('cem')), { code: 'no_refresh_token' })
})

await t.test('a code is of one app and one of its users, and works once', async (t) => {
  const { body: other } = await send(owner, 'POST', '/v1/apps', { name: 'Other', return_urls: [returnUrl] })
  const otherKey = await keyOf(other.id, 'linked')
  signedIn(second.browser, 'nobody')
  const external_id = 'cem at notes'
  await allow(second.browser, await second.browser.visit(await linkOf({ sub: external_id, return_url: returnUrl })))
  const code = codes.at(-1) ?? ''
  const refused = { status: 404, body: { code: 'expired_or_unknown' } }
  t.match(await redeemBy(otherKey, { code, external_id }), refused, 'another app')
  t.match(await redeemBy(key, { code, external_id: 'ann at notes' }), refused, 'another user')
  t.match(await redeemBy(key, { code: `${code}x`, external_id }), refused, 'another code')
  const both = await Promise.all([redeemBy(key, { code, external_id }), redeemBy(key, { code, external_id })])
  t.same(both.map(({ status }) => status).sort(), [200, 404])
  t.match(await redeemBy(key, { code, external_id }), refused, 'and never again')
  t.match((await resolve(external_id)).principal, { user_id: second.userId })
  t.match(await redeemBy(key, { code: '', external_id: '' }), { status: 400, body: { details: [{ path: 'code' }] } })
})

await t.test('what an app signed wrongly is no link, and says nothing', async (t) => {
  const sub = 'wrong'
  const fine = { sub, return_url: returnUrl }
  const { body: other } = await send(owner, 'POST', '/v1/apps', { name: 'Third' })
  const attempts = {
    'a key of nobody': await linkOf(fine, { signer: foreignPair.privateKey }),
    'another app': await linkOf({ ...fine, iss: other.id }),
    'no app': await linkOf({ ...fine, iss: randomUUID() }),
    'another audience': await linkOf({ ...fine, aud: 'https://other.example' }),
    'another kind': await linkOf(fine, { typ: 'JWT' }),
    'an end that has passed': await linkOf({ ...fine, exp: inSeconds(-60) }),
    'an end that is too far': await linkOf({ ...fine, exp: inSeconds(3_600) }),
    'no end': await linkOf({ ...fine, exp: undefined }),
    'no id': await linkOf({ ...fine, jti: undefined }),
    'a URL the app did not register': await linkOf({ sub, return_url: 'https://evil.example/' }),
    'a URL that only begins like one': await linkOf({ sub, return_url: `${returnUrl}0` }),
    'neither a URL nor an e-mail': await linkOf({ sub }),
    'no user': await linkOf({ ...fine, sub: undefined })
  }
  for (const [name, url] of Object.entries(attempts))
    t.match(await user.browser.visit(url), { status: 404, body: /Nothing to do here/ }, name)
  const byOther = { kid: 'k2', signer: edwards.privateKey }
  t.match((await user.browser.visit(await linkOf(fine))).body, /Let Notes act/, 'which is taken when it is right')
  for (const alg of ['EdDSA', 'Ed25519'])
    t.match((await user.browser.visit(await linkOf(fine, { ...byOther, alg }))).body, /Let Notes act/, alg)
})

await t.test('a signed link works once', async (t) => {
  const page = await user.browser.visit(await linkOf({ sub: 'once', return_url: returnUrl }))
  signedIn(user.browser, 'once')
  t.equal((await allow(user.browser, page)).status, 200)
  t.match(await allow(user.browser, page), { status: 404, body: /used already/ })
})

await t.test('without a return URL it is the verified e-mail that counts', async (t) => {
  const email = 'ANN@acme.test'
  const page = await user.browser.visit(await linkOf({ sub: 'by mail', email }))
  t.match(await allow(user.browser, page), { status: 200, body: /Notes can act as you/ })
  t.match((await resolve('by mail')).principal, { user_id: user.userId })

  const url = await linkOf({ sub: 'sent on', email })
  const sentOn = await second.browser.visit(url)
  t.match(sentOn.body, /This link is for somebody else/)
  t.notMatch(sentOn.body, /ann@/i, 'and not for whom')
  const forced = await second.browser.visit(`${publicUrl}/connect`, {
    form: { link: new URL(url).searchParams.get('link') ?? '', csrf_token: second.csrf }
  })
  t.equal(forced.status, 403)
  const unsure = createBrowser()
  const unproved = await signIn(unsure, `${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`, { login: 'unsure' })
  t.equal(unproved.status, 200)
  const unverified = await linkOf({ sub: 'sent on', email: 'unsure@acme.test' })
  t.match((await unsure.visit(unverified)).body, /for somebody else/)
  t.match(await refusalOf(resolve('sent on')), { code: 'no_refresh_token' })
})

await t.test('only the page itself can allow it, for whoever is signed in there', async (t) => {
  const page = await user.browser.visit(await linkOf({ sub: 'forged', return_url: returnUrl }))
  const button = { label: 'Allow' }
  const forged = await user.browser.submit(page, undefined, { button, values: { csrf_token: 'x'.repeat(32) } })
  t.match(forged, { status: 403, body: /Nothing was allowed yet/ })
  const elsewhere = { button, headers: { origin: 'https://evil.example' } }
  t.equal((await user.browser.submit(page, undefined, elsewhere)).status, 403)
  t.match(await createBrowser().submit(page, undefined, { button }), { status: 401, body: /Nothing was allowed yet/ })
  const nobody = await createBrowser().visit(await linkOf({ sub: 'forged', return_url: returnUrl }))
  t.match(nobody.body, /Sign in and go on/)
  t.match(page.headers['content-security-policy'], /frame-ancestors 'none'/)
})

await t.test('the link of a refused call makes the link, too', async (t) => {
  const external_id = 'cem <b>two</b>'
  const { extras } = await refusalOf(resolve(external_id))
  signedIn(second.browser, external_id)
  const page = await second.browser.visit(extras.connect_url ?? '')
  t.match(page.body, /cem &lt;b&gt;two&lt;\/b&gt;/)
  t.match((await allow(second.browser, page)).json(), { external_id, user_id: second.userId })
  t.match((await resolve(external_id)).principal, { user_id: second.userId })
  const victim = await user.browser.visit((await refusalOf(resolve('mallory'))).extras.connect_url ?? '')
  signedIn(user.browser, 'ann at notes')
  t.equal((await allow(user.browser, victim)).status, 404, 'but not for whom it is sent to')
  t.match(await refusalOf(resolve('mallory')), { code: 'no_refresh_token' })
})

await t.test("a key for linked users knows them by the app's own ids, and by no id of ours", async (t) => {
  t.match((await resolve('cem at notes')).principal, { user_id: second.userId })
  const refused = await refusalOf(resolve(second.userId))
  t.match(refused, { code: 'no_refresh_token' }, 'somebody may have chosen it as their id in the app')
  signedIn(user.browser, second.userId)
  await allow(user.browser, await user.browser.visit(refused.extras.connect_url ?? ''))
  t.match((await resolve(second.userId)).principal, { user_id: user.userId }, 'and then it is them')
  const any = await keyOf(app.id, 'any')
  t.match((await resolve(owner.userId, any)).principal, { user_id: owner.userId }, 'other keys know ours, too')
  const [{ id }] = await linksOf(owner, `?external_id=${second.userId}`)
  t.equal((await send(owner, 'DELETE', `/v1/links/${id}`)).status, 204)
})

await t.test('a platform at the inner listener asks by its own ids, of the app that has its name', async (t) => {
  const audience = 'http://127.0.0.1:9/inner'
  broker.register(audience, { server_identifier: 'inner' })
  const ask = async (user_id: string, app_id = 'its-own') => {
    const headers = { 'enterprise-api-secret-key': broker.secret }
    const payload = { user_id, tenant_id: broker.tenantId, app_id, audience, user_type: 'end_user' }
    const url = '/inner/api/mcp/issue-token'
    const response = await broker.inner.inject({ method: 'POST', url, headers, payload })
    return { status: response.statusCode, body: response.json() }
  }
  const { body: platform } = await send(owner, 'POST', '/v1/apps', { name: 'platform' })
  const unlinked = await ask('end-user-1')
  t.match([unlinked.status, unlinked.body.code], [428, 'no_refresh_token'])
  t.match((await createBrowser().visit(unlinked.body.connect_url)).body, /platform wants to act as you/)
  await send(owner, 'PATCH', `/v1/apps/${platform.id}`, { return_urls: [returnUrl] })
  const { body } = await ask('end-user-1')
  const page = await user.browser.visit(body.connect_url)
  const [, href = ''] = /href="([^"]+)">Go on as ann/.exec(page.body) ?? []
  const signed = await signIn(user.browser, `${publicUrl}${href.replaceAll('&amp;', '&')}`, { login: logins.user })
  signedIn(user.browser, 'end-user-1')
  t.match(signed.body, /Let platform act as you/, 'the server was agreed to, now the app is')
  await allow(user.browser, signed)
  const redeemed = { code: codes.at(-1), external_id: 'end-user-1' }
  t.equal((await redeemBy(await keyOf(platform.id, 'none'), redeemed)).status, 200)
  t.equal((await ask('end-user-1')).status, 200)
  t.equal((await ask(user.userId)).status, 200, 'and by ours')
  t.equal((await ask('ann at notes', app.id)).status, 200, 'or by those of the app that it names')
  t.equal((await ask('ann at notes')).status, 428, 'and of no other')
})

await t.test('an administrator brings many links at once, all or none', async (t) => {
  const again = await signInAs(broker, logins.user)
  const entries = (...some: [string, string][]) => some.map(([external_id, user_id]) => ({ external_id, user_id }))
  const bring = (links: object[], who = owner) => send(who, 'POST', '/v1/links/import', { app_id: app.id, links })
  const mixed = entries(
    ['import 1', again.userId],
    ['import 2', stranger.userId],
    ['import 1', second.userId],
    ['ann at notes', second.userId]
  )
  const refused = await bring(mixed)
  t.match([refused.status, refused.body.message], [409, /3 of 4/])
  t.same(
    refused.body.details.map(({ path }: { path: string }) => path),
    ['links.1.user_id', 'links.2.external_id', 'links.3.external_id']
  )
  t.match(await refusalOf(resolve('import 1')), { code: 'no_refresh_token' }, 'nothing was brought')
  const done = await bring(entries(['import 1', again.userId], ['ann at notes', again.userId]))
  t.match(done.body.links, [
    { external_id: 'import 1', outcome: 'created' },
    { external_id: 'ann at notes', outcome: 'unchanged' }
  ])
  t.match((await resolve('import 1')).principal, { user_id: again.userId })
  const { body: audit } = await send(owner, 'GET', '/v1/audit/identity?action=link.imported')
  t.match(audit.data, [{ actor: { id: owner.userId }, details: { external_id: 'import 1' } }])
  const race = await Promise.all([again.userId, second.userId].map((id) => bring(entries(['raced', id]))))
  t.same(race.map(({ status }) => status).sort(), [200, 409], 'two at once do not undo each other')
  t.equal((await bring(entries(['x', again.userId]), second)).status, 403)
  t.equal((await bring(entries(['x', again.userId]), stranger)).status, 404)
  await send(owner, 'PATCH', `/v1/members/${second.userId}`, { role: 'admin' })
  t.match(await bring(entries(['y', again.userId], ['x', owner.userId]), second), {
    status: 403,
    body: { details: [{ path: 'links.1.user_id' }] }
  })
  t.equal((await bring(entries(['y', again.userId]), second)).status, 200, 'admins link members')
  await send(owner, 'PATCH', `/v1/members/${second.userId}`, { role: 'member' })
  t.match(await bring([{ external_id: 'x\u0000', user_id: again.userId }]), {
    status: 400,
    body: { details: [{ path: 'links.0.external_id' }] }
  })
})

await t.test('users see and end their own, administrators all of the tenant, and it acts everywhere', async (t) => {
  const again = await signInAs(broker, logins.user)
  const mine = await linksOf(again)
  t.ok(mine.length > 2)
  t.ok(mine.every((link: { user: { id: string } }) => link.user.id === again.userId))
  t.same(await linksOf(again, `?user_id=${second.userId}`), mine, 'whomever they ask for')
  t.match(await linksOf(owner, `?user_id=${second.userId}&search=AT%20not`), [{ external_id: 'cem at notes' }])
  t.match(await linksOf(owner, '?external_id=by%20mail'), [{ external_id: 'by mail' }])
  t.same(await linksOf(owner, '?search=%25'), [], 'a sign is a sign')
  t.same(await linksOf(stranger), [])

  const callers = busAuthenticators(bus, { accepts: ['api_key'] })
  t.teardown(callers.close)
  const acting = () =>
    callers.actFor(hashOf(key), 'import 1').then(
      () => 'good',
      (error: ReportedError) => error.code
    )
  t.equal(await acting(), 'good')
  const [{ id }] = await linksOf(owner, '?external_id=import%201')
  for (const who of [second, stranger]) t.equal((await send(who, 'DELETE', `/v1/links/${id}`)).status, 404)
  const { heard } = await listenToChanges(t, broker)
  t.equal((await send(again, 'DELETE', `/v1/links/${id}`)).status, 204)
  await t.resolves(heard('user', again.userId), 'every service is told')
  t.equal(await eventually(acting, (code) => code !== 'good'), 'no_refresh_token')
  t.equal((await send(again, 'DELETE', `/v1/links/${id}`)).status, 404)
  const { body: audit } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${id}`)
  t.match(
    audit.data.map(({ action }: { action: string }) => action),
    ['link.removed', 'link.imported']
  )
  for (const link of await linksOf(again, `?app_id=${app.id}`)) await send(owner, 'DELETE', `/v1/links/${link.id}`)
  t.match(
    await refusalOf(resolve('ann at notes')),
    { code: 'no_refresh_token' },
    'an unlinked user is acted for no more'
  )
})

await t.test('who unlinks an app is not linked again by a code that still waits', async (t) => {
  const external_id = 'on second thoughts'
  // The app's user there is nobody yet, so that each code waits.
  signedIn(second.browser, 'nobody')
  const allowAgain = async () => {
    await allow(second.browser, await second.browser.visit(await linkOf({ sub: external_id, return_url: returnUrl })))
    return codes.at(-1) ?? ''
  }
  const [used, waiting] = [await allowAgain(), await allowAgain()]
  t.equal((await redeemBy(key, { code: used, external_id })).status, 200)
  const [{ id }] = await linksOf(second, `?external_id=${encodeURIComponent(external_id)}`)
  t.equal((await send(second, 'DELETE', `/v1/links/${id}`)).status, 204)
  t.equal((await redeemBy(key, { code: waiting, external_id })).status, 404)
  t.equal((await redeemBy(key, { code: await allowAgain(), external_id })).status, 200, 'but by one they allow now')
})

await t.test('who unlinks an app while Redis is away is not linked again by what Redis has kept', async (t) => {
  const [ended, kept] = ['ended without Redis', 'kept by Redis']
  const codeFor = async (who: SignedIn, external_id: string) => {
    signedIn(who.browser, 'nobody')
    await allow(who.browser, await who.browser.visit(await linkOf({ sub: external_id, return_url: returnUrl })))
    return codes.at(-1) ?? ''
  }
  const again = await signInAs(broker, logins.user)
  t.equal((await redeemBy(key, { code: await codeFor(second, ended), external_id: ended })).status, 200)
  const [waiting, other] = [await codeFor(second, ended), await codeFor(again, kept)]
  const { redis } = broker.backends
  const onDisk = await allCodes()
  t.ok(onDisk.length >= 2)
  await redis.stop()
  const [{ id }] = await linksOf(second, `?external_id=${encodeURIComponent(ended)}`)
  t.equal((await send(second, 'DELETE', `/v1/links/${id}`)).status, 204)
  await redis.restart()
  await bringBack(onDisk)
  await until(async () => (await broker.app.inject('/readyz')).json().status === 'ready')
  t.equal((await redeemBy(key, { code: other, external_id: kept })).status, 200, 'of others they hold')
  t.equal((await redeemBy(key, { code: waiting, external_id: ended })).status, 404)
  t.match(await refusalOf(resolve(ended)), { code: 'no_refresh_token' })
})

await t.test('who is gone when the code is redeemed is linked to nobody', async (t) => {
  const external_id = 'leaver'
  const leaver = await signInAs(broker, logins.absent)
  signedIn(leaver.browser, 'nobody')
  await allow(leaver.browser, await leaver.browser.visit(await linkOf({ sub: external_id, return_url: returnUrl })))
  await database.query('delete from identity_broker."user" where id = $1', [leaver.userId])
  t.equal((await redeemBy(key, { code: codes.at(-1), external_id })).status, 404)
  t.match(await refusalOf(resolve(external_id)), { code: 'no_refresh_token' })
})

await t.test('who said what before it was kept is known from the record', async (t) => {
  const { DATABASE_URL: url = '' } = broker.backends.environmentFor('identity-broker')
  const { db, close } = await openPostgres(url)
  t.teardown(close)
  const said = async () => [
    (await database.query('select id, set_by_kind, set_by_id from identity_broker.api_key order by id')).rows,
    (await database.query('select id, allowed_by from identity_broker.link order by id')).rows
  ]
  await send(owner, 'POST', '/v1/links/import', { app_id: app.id, links: [{ external_id: 'z', user_id: user.userId }] })
  const before = await said()
  t.match(
    new Set(before.flat().map((row) => row.set_by_kind ?? (row.allowed_by === owner.userId ? 'imported' : 'allowed'))),
    new Set(['system', 'user', 'imported', 'allowed'])
  )
  await saidBy.down(db)
  await saidBy.up(db)
  t.same(await said(), before)
})

await t.test('without Redis nothing is linked, and calls by links that hold go on', async (t) => {
  const one = await signInAs(broker, logins.second)
  const page = await one.browser.visit(await linkOf({ sub: 'unkept', return_url: returnUrl }))
  await broker.backends.redis.stop()
  t.equal((await allow(one.browser, page)).status, 503)
  t.equal((await redeemBy(key, { code: 'x', external_id: 'unkept' })).status, 503)
  t.match((await resolve('cem at notes')).principal, { user_id: one.userId })
})
