import { issueToken, type ProviderSettings, resolveApiKey } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { call, signJwt } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { type Browser, createBrowser, makeKeyPair, signIn } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { connectType, createConnectLinks, linkSeconds } from '../../src/connect/link.ts'
import { apiOf } from '../api.ts'
import { cookieOf, dropSessionCookie, logins, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const { bus, publicUrl, mcpProvider } = broker
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const user = await signInAs(broker, logins.user)
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const { body: apps } = await send(owner, 'GET', '/v1/apps')
const appPath = `/v1/apps/${apps.data[0].id}`

let servers = 0
/** A server that nobody's sign-in asked for yet. */
const laterServer = (given: Partial<ProviderSettings> = {}) => {
  servers += 1
  return broker.register(`http://127.0.0.1:9/later-${servers}`, { server_identifier: `later-${servers}`, ...given })
}
const within = () => ({ deadlineAt: Date.now() + 20_000 })
/** What the app's call as this user comes to. */
const callAs = async (userId: string, server: ProviderSettings) => {
  const asked = { key_hash: hashOf(broker.apiKey), user_id: userId }
  const { ticket: principal } = await call(bus, resolveApiKey, asked, within())
  return call(bus, issueToken, { principal, provider: await mcpProvider.ticketFor(server) }, within())
}
const refusalOf = async (userId: string, server: ProviderSettings) => {
  const error: unknown = await callAs(userId, server).catch((thrown: unknown) => thrown)
  if (error instanceof ReportedError && error.extras.connect_url) return error.extras.connect_url
  throw new Error('the call was not refused with a link', { cause: error })
}
const linkIn = (body: string, label: RegExp): string => {
  for (const [, href = '', text = ''] of body.matchAll(/<a class="button[^"]*" href="([^"]+)">([^<]*)/g))
    if (label.test(text)) return `${publicUrl}${href.replaceAll('&amp;', '&')}`
  throw new Error(`no button ${label} in ${body}`)
}
const authorizationOf = async (browser: Browser, href: string): Promise<URLSearchParams> => {
  const { headers } = await browser.visit(href, { follow: false })
  return new URL(String(headers.location)).searchParams
}
const stored = async () => {
  const { rows } = await database.query(`
    select (select count(*)::int from identity_broker."user") as users,
      (select json_agg(g order by id) from (select id, generation from identity_broker."grant") g) as grants,
      (select count(*)::int from identity_broker.session) as sessions`)
  return rows[0]
}

await t.test("the page names the app, the server and who is signed in, and is nobody's to use otherwise", async (t) => {
  await send(owner, 'PATCH', appPath, { name: '<b>Flows & more</b>' })
  const page = await user.browser.visit(await refusalOf(user.userId, laterServer({ name: '<i>Later</i>' })))
  t.equal(page.status, 200)
  for (const shown of [
    '&lt;b&gt;Flows &amp; more&lt;/b&gt; wants to act as you',
    '&lt;i&gt;Later&lt;/i&gt;',
    'ann, Acme'
  ])
    t.ok(page.body.includes(shown), shown)
  t.notMatch(page.body, /<b>|<i>|<script|onclick/)
  t.match(page.headers, { 'x-frame-options': 'DENY', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
  t.match(page.headers['content-security-policy'], /frame-ancestors 'none'/)
  await send(owner, 'PATCH', appPath, { name: 'Flows' })
})

await t.test('signing in there asks for the server, and then the call is made', async (t) => {
  const server = laterServer()
  const page = await user.browser.visit(await refusalOf(user.userId, server))
  const goOn = linkIn(page.body, /Go on as ann/)
  t.ok((await authorizationOf(user.browser, goOn)).getAll('resource').includes(server.audience))
  const done = await signIn(user.browser, goOn, { login: logins.user })
  t.match([done.status, done.body], [200, /You are signed in/])
  t.equal(decodeJwt((await callAs(user.userId, server)).token).aud, server.audience)
})

await t.test('whoever is not signed in reads the same, and a session that can be renewed is', async (t) => {
  const url = await refusalOf(user.userId, laterServer())
  const fresh = createBrowser()
  const page = await fresh.visit(url)
  t.match(page.body, /Sign in and go on/)
  t.notMatch(page.body, /Signed in as/)
  t.match((await signIn(fresh, linkIn(page.body, /Sign in and/), { login: logins.user })).body, /You are signed in/)
  dropSessionCookie(fresh, publicUrl)
  t.match((await fresh.visit(url)).body, /Go on as ann/)
})

await t.test('the browser goes back to a URL the app registered, and to no other', async (t) => {
  const [first, second] = [`${publicUrl}/auth/me?app=1`, `${publicUrl}/auth/me?app=2`]
  await send(owner, 'PATCH', appPath, { return_urls: [first, second] })
  const url = await refusalOf(user.userId, laterServer())
  const landed = async (given: string) => {
    const page = await user.browser.visit(given)
    return (await signIn(user.browser, linkIn(page.body, /Go on/), { login: logins.user })).url
  }
  t.equal(await landed(url), first)
  t.equal(await landed(`${url}&return_url=${encodeURIComponent(second)}`), second)
  for (const other of ['https://evil.example/', `${second}0`, '//evil.example'])
    t.equal(await landed(`${url}&return_url=${encodeURIComponent(other)}`), first, other)
  await send(owner, 'PATCH', appPath, { return_urls: [] })
})

await t.test('a link for one person connects nobody else, and does not say whose it is', async (t) => {
  const second = await signInAs(broker, logins.second)
  const server = laterServer()
  const url = await refusalOf(user.userId, server)
  const page = await second.browser.visit(url)
  t.match(page.body, /This link is for somebody else/)
  t.match(page.body, /signed in as cem, Acme/)
  t.notMatch(page.body, /\bann\b|later-/)
  const stranger = await signInAs(broker, logins.owner, 'globex')
  t.match((await stranger.browser.visit(url)).body, /for somebody else/, 'nor anybody of another tenant')

  const switching = linkIn(page.body, /Use another account/)
  t.match((await authorizationOf(second.browser, switching)).get('prompt'), /\blogin\b/)
  const before = await stored()
  const fresh = createBrowser()
  const asked = await fresh.visit(url)
  const landed = await signIn(fresh, linkIn(asked.body, /Sign in and/), { login: logins.second })
  t.match([landed.status, landed.body], [200, /for somebody else/])
  t.notMatch(landed.body, /\bann\b/)
  t.same(await stored(), before, 'nothing was stored')
  t.equal(cookieOf(fresh, publicUrl), '', 'and nobody is signed in')
  await t.rejects(callAs(second.userId, server), { code: 'resource_not_granted' })

  const theirs = await user.browser.visit(url)
  const done = await signIn(user.browser, linkIn(theirs.body, /Go on as ann/), { login: logins.user })
  t.match(done.body, /You are signed in/, 'and whom it is for can still use it')
})

await t.test('a link that does not hold names nothing, whatever it says', async (t) => {
  const url = new URL(await refusalOf(user.userId, laterServer()))
  const link = url.searchParams.get('link') ?? ''
  const [header, payload = '', signature] = link.split('.')
  const { ask, ...rest } = decodeJwt(link)
  const other = Buffer.from(JSON.stringify({ ...rest, ask: Object.assign({}, ask, { user_id: owner.userId }) }))
  const attempts = {
    'changed claims': [header, other.toString('base64url'), signature].join('.'),
    'no signature': [header, payload, ''].join('.'),
    'another token of ours': cookieOf(user.browser, publicUrl),
    'a ticket': await owner.ticket(),
    'no token': '<script>alert(1)</script>'
  }
  const bare = await user.browser.visit(`${publicUrl}/connect`)
  t.match([bare.status, bare.body], [200, /Nothing to do here/])
  const withoutNonce = (text: string) => text.replace(/nonce="[^"]+"/, '')
  for (const [name, attempt] of Object.entries(attempts)) {
    const page = await user.browser.visit(`${publicUrl}/connect?link=${encodeURIComponent(attempt)}`)
    t.equal(page.status, 404, name)
    t.equal(withoutNonce(page.body), withoutNonce(bare.body), name)
    const begun = await user.browser.visit(`${publicUrl}/auth/sign-in?link=${encodeURIComponent(attempt)}`)
    t.match([begun.status, begun.body], [404, /expired/], `${name}, at the sign-in`)
  }
  const earlier = await user.browser.visit(`${publicUrl}/connect?tenant=acme&provider=evil`)
  t.equal(withoutNonce(earlier.body), withoutNonce(bare.body), 'what is not signed is not read')
})

await t.test('a link ends after an hour, and is of one issuer and one kind', async (t) => {
  const { signingKey, publicKey } = await makeKeyPair()
  const connectKeys = { signingKey: () => signingKey, publicKeys: () => [publicKey] }
  const links = (more: object = {}) => createConnectLinks({ connectKeys, publicUrl, ...more })
  const ask = { tenant_id: broker.tenantId }
  const made = (from: ReturnType<typeof links>) => new URL(from.urlFor(ask)).searchParams.get('link') ?? ''
  const ago = (seconds: number) => () => Date.now() - seconds * 1000
  t.match(await links().read(made(links())), { ask })
  t.match(await links().read(made(links({ now: ago(linkSeconds - 60) }))), { ask })
  t.equal(await links().read(made(links({ now: ago(linkSeconds + 1) }))), undefined)
  t.equal(await links().read(made(links({ publicUrl: 'https://other.example' }))), undefined)
  const again = (typ: string) => signJwt(signingKey, typ, decodeJwt(made(links())))
  t.match(await links().read(again(connectType)), { ask })
  t.equal(await links().read(again('at+jwt')), undefined)
})

await t.test('a link that is too long to come back to is opened all the same', async (t) => {
  const audience = `http://127.0.0.1:9/${'x'.repeat(2_000)}`
  const url = await refusalOf(user.userId, broker.register(audience, { server_identifier: 'long' }))
  const fresh = createBrowser()
  const page = await fresh.visit(url)
  t.match([page.status, page.body], [200, /Sign in and go on/])
  const done = await signIn(fresh, linkIn(page.body, /Sign in and/), { login: logins.user })
  t.match(done.body, /You are signed in/)
})
