import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { newId } from '@onbehalf/service-kit'
import { createBrowser, freePort, recordSecrets, signIn, startIdp } from '@onbehalf/testkit'
import { readFaults, startChromium } from '@onbehalf/testkit/chromium'
import { startWhoami } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { startService } from '../start.ts'
import { openSteps } from './steps.ts'

const at = `http://127.0.0.1:${await freePort()}`
const documentAt = 'https://onbehalf.example'
const tenant_id = newId()
const ofConsole = { client_id: 'of-console', client_secret: 'a secret that the reference was given' }
recordSecrets([ofConsole.client_secret])
const documents: string[] = []
/** What stands behind the addresses of the installation that is reached by https. */
let readDocument = async (_path: string): Promise<Response> => new Response(null, { status: 503 })
const idp = await startIdp({
  ...{ users: [{ sub: 'ann', email: 'ann@example.com', email_verified: true, name: 'Ann' }], registersClients: true },
  onSecret: (secret) => recordSecrets([secret]),
  readClientDocument: (url) => {
    documents.push(url)
    return readDocument(url.slice(documentAt.length))
  },
  clients: [
    {
      ...{ client_id: 'machine', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
      ...{ token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256' },
      jwks_uri: `${at}/oauth/tenants/${tenant_id}/jwks.json`
    },
    { ...ofConsole, redirect_uris: [`${at}/console/api/mcp/oauth/callback`] }
  ]
})
t.teardown(idp.stop)
const whoami = await startWhoami({ issuer: idp.issuer, isClosed: true })
t.teardown(whoami.stop)
const allow = [`127.0.0.1:${idp.port}`, `127.0.0.1:${whoami.port}`]
const service = await startService(t, { allow, at })
const { app, as, broker, backends } = service
const { register, freshFor } = await openSteps(t, service, whoami.url)
await app.listen({ host: '127.0.0.1', port: Number(new URL(at).port) })
const chromium = await startChromium(t)
const pictures = join(backends.directory, 'pictures')
mkdirSync(pictures)
const admin = await broker.signIn({ tenant_id, role: 'admin' })

t.test('an administrator reads where they will sign in, goes there, allows it and is back', async (t) => {
  const { id, identifier } = await register(admin)
  const context = await chromium.newContext({ viewport: { width: 800, height: 900 } })
  t.teardown(() => context.close())
  context.setDefaultTimeout(60_000)
  const [name = '', value = ''] = admin.cookie.split('=')
  await context.addCookies([{ name, value, url: at, httpOnly: true, sameSite: 'Lax' }])
  const page = await context.newPage()
  await page.goto(`${at}/oauth/connect/${id}`)
  const text = await page.locator('main').textContent()
  for (const shown of [`Connect ${identifier}`, `127.0.0.1:${idp.port}`, 'everybody in your organisation'])
    t.match(text, shown)
  t.same(await readFaults(page), [])
  await page.screenshot({ path: join(pictures, 'connect.png'), fullPage: true })
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByRole('button', { name: /Continue as Ann/ }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByRole('heading', { name: `${identifier} is connected` }).waitFor()
  t.same(await readFaults(page), [])
  await page.screenshot({ path: join(pictures, 'connected.png'), fullPage: true })
  t.ok(await freshFor(admin, identifier))
  await page.reload()
  await page.getByText('was used already').waitFor()
  t.ok(await freshFor(admin, identifier), 'and the same answer once more takes nothing away')
  await page.goto(`${at}/oauth/connect/${id}`)
  t.match(await page.locator('main').textContent(), /takes back what was allowed for everybody/)
  t.same(await readFaults(page), [])
  await page.getByRole('button', { name: 'Disconnect' }).click()
  await page.getByRole('heading', { name: `${identifier} is disconnected` }).waitFor()
  t.same(await readFaults(page), [])
  t.equal(await freshFor(admin, identifier), null)
})

t.test('a client without a secret signs with the key that its authorization server finds with us', async (t) => {
  const { identifier, at: path } = await register(admin, { authentication: { client_id: 'machine' } })
  const asked = { grant_type: 'client_credentials' }
  const { status, body } = await as(admin)('POST', `${path}/authorize`, asked)
  t.same([status, body], [200, { status: 'authorized' }])
  t.match((await freshFor(admin, identifier))?.token, /^ey/)
  const jwks = await app.inject({ url: `/oauth/tenants/${tenant_id}/jwks.json` })
  t.match(jwks.json(), { keys: [{ alg: 'ES256', use: 'sig', kty: 'EC' }] })
  t.notOk('d' in jwks.json().keys[0], 'and nobody finds more than the public half')
})

t.test('a client that was registered for the console of the reference comes back there', async (t) => {
  const { id, identifier } = await register(admin, { authentication: ofConsole })
  const auth = { method: 'POST', url: '/console/api/workspaces/current/tool-provider/mcp/auth' } as const
  const begun = await app.inject({ ...auth, headers: admin.headers, payload: { provider_id: id } })
  const browser = createBrowser()
  const follow = (to: URL) => to.origin !== at
  const left = await signIn(browser, begun.json().authorization_url, { login: 'ann', follow })
  await browser.close()
  const to = new URL(String([left.headers.location].flat()[0]))
  t.match(to.href, `${at}/console/api/mcp/oauth/callback?`)
  const cookie = begun.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  const back = await app.inject({ url: `${to.pathname}${to.search}`, headers: { cookie } })
  t.match([back.statusCode, back.body], [200, /is connected/])
  t.ok(await freshFor(admin, identifier))
})

t.test('a server that takes our metadata document as our client needs no registration', async (t) => {
  const there = await startService(t, { allow, at: documentAt })
  readDocument = async (path) => {
    const { statusCode, body, headers } = await there.app.inject({ url: path })
    return new Response(body, { status: statusCode, headers: { 'content-type': String(headers['content-type']) } })
  }
  const steps = await openSteps(t, there, whoami.url)
  const owner = await there.broker.signIn({ role: 'owner' })
  const { id, identifier } = await steps.register(owner)
  const begun = await steps.authorizeBy(owner, id)
  const asked = new URL(begun.body.authorize_url).searchParams
  t.equal(asked.get('client_id'), `${documentAt}/oauth/client.json`)
  t.equal(asked.get('redirect_uri'), `${documentAt}/oauth/callback`)
  const browser = createBrowser()
  const left = await signIn(browser, begun.body.authorize_url, {
    login: 'ann',
    follow: (to) => to.origin !== documentAt
  })
  await browser.close()
  t.same([...new Set(documents)], [`${documentAt}/oauth/client.json`])
  const to = new URL(String([left.headers.location].flat()[0]))
  t.match(await steps.comeBack(to, begun.cookies), { status: 200, text: /is connected/ })
  t.ok(await steps.freshFor(owner, identifier))
  await steps.dueNow(id)
  t.ok(await steps.freshFor(owner, identifier), 'and is renewed by it')
  const { rows } = await steps.sql.query('select id from mcp_provider.oauth_client')
  t.same(rows, [])
})
