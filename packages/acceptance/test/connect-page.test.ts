import { createServer } from 'node:http'
import { at, type Caller, callTool, expectSame, signInAs, textAt, withToken } from '@onbehalf/acceptance'
import { eventually, freePort, listen, people, recordSecrets, startWhoami, stopServer } from '@onbehalf/testkit'
import { type BrowserContext, type Page, readFaults, startChromium } from '@onbehalf/testkit/chromium'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const laterPort = await freePort()
const platform = await startTestPlatform(t, 'connect-page', { allowedPorts: [laterPort] })
const { publicUrl, secrets, userIds, whoami } = platform
const later = await startWhoami({ issuer: platform.idp.issuer, port: laterPort })
t.teardown(later.stop)
const chromium = await startChromium(t)
const owner = await signInAs(platform, people.owner.login)
const app = withToken(platform, secrets.apiKey)
const bob = userIds[people.absent.sub] ?? ''
const ann = userIds[people.user.sub] ?? ''

const icon = { icon: '🔧', icon_type: 'emoji', icon_background: '#fff' }
const register = async (server_identifier: string, name: string, server_url: string) => {
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  const given = { name, server_identifier, server_url, ...icon, ...forwarding }
  const { status, body } = await owner.send('POST', '/v1/mcp-providers', given)
  expectSame(`registering ${name} (${JSON.stringify(body).slice(0, 300)})`, status, 201)
}
const [appId, ...otherApps] = [at((await owner.send('GET', '/v1/apps')).body, 'data')]
  .flat()
  .map((one) => textAt(one, 'id'))
expectSame('apps besides the demo', otherApps.length, 0)
const setReturnUrls = async (return_urls: string[]) =>
  expectSame('PATCH', (await owner.send('PATCH', `/v1/apps/${appId}`, { return_urls })).status, 200)

/** The link that the app's call as this user is refused with. */
const refusedLink = async (caller: Caller, server: string, user_id: string): Promise<string> => {
  const { status, body } = await callTool(caller, server, 'whoami', { user_id })
  expectSame(`the call (${JSON.stringify(body).slice(0, 300)})`, status, 428)
  return textAt(body, 'connect_url')
}
const openPage = async (options: Parameters<typeof chromium.newContext>[0] = {}): Promise<Page> => {
  const context: BrowserContext = await chromium.newContext(options)
  t.teardown(() => context.close())
  context.setDefaultTimeout(60_000)
  return context.newPage()
}
/** Through the demo IdP's own pages, which any other IdP's would be in the place of, to where it sends one back. */
const signInAtIdp = async (page: Page, login: string): Promise<void> => {
  await page.getByLabel('User or e-mail').fill(login)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(({ origin }) => origin !== platform.idp.issuer)
}
const textOf = (page: Page): Promise<string | null> => page.locator('main').textContent()

const appPort = await freePort()
const appUrl = `http://127.0.0.1:${appPort}`
const redeemed: unknown[] = []
const site = createServer(async (request, response) => {
  const code = new URL(request.url ?? '', appUrl).searchParams.get('code')
  if (code) {
    recordSecrets([code])
    redeemed.push(await app.send('POST', '/v1/links/redeem', { code, external_id: 'ann-at-the-app' }))
  }
  const frame = request.url?.startsWith('/frame') ? `<iframe src="${publicUrl}/connect"></iframe>` : ''
  response.writeHead(200, { 'content-type': 'text/html' }).end(`<main>Back at the app${frame}</main>`)
})
await listen(site, appPort)
t.teardown(() => stopServer(site))

await register('whoami', 'Who am I?', whoami.url)

await t.test('a refused user follows the link, reads who asks and where, signs in, and the call works', async (t) => {
  const page = await openPage({ javaScriptEnabled: false })
  await page.goto(await refusedLink(app, 'whoami', bob))
  t.match(await textOf(page), /Demo workflows wants to act as you/)
  t.match(await textOf(page), /Who am I\?/)
  await page.getByRole('link', { name: 'Sign in and go on' }).click()
  await signInAtIdp(page, people.absent.login)
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
  const { status, body } = await callTool(app, 'whoami', 'whoami', { user_id: bob })
  t.equal(status, 200)
  t.match(at(body, 'result', 'structuredContent'), { subject: people.absent.sub })
})

await t.test('somebody else is told so, and whom it is for signs in instead and comes back to the app', async (t) => {
  await register('later', 'Later', later.url)
  await setReturnUrls([`${appUrl}/back`])
  const page = await openPage()
  await page.goto(`${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`)
  await signInAtIdp(page, people.user.login)
  await page.goto(await refusedLink(app, 'later', bob))
  t.match(await textOf(page), /This link is for somebody else.*Ann Example, Acme/s)
  t.notMatch(await textOf(page), /bob/i)
  await page.getByRole('link', { name: 'Use another account' }).click()
  await signInAtIdp(page, people.absent.login)
  await page.getByText('Back at the app').waitFor()
  t.equal(page.url(), `${appUrl}/back`)
  t.equal((await callTool(app, 'later', 'whoami', { user_id: bob })).status, 200)
})

await t.test("the app's own user allows it, and the app calls by its own id of them", async (t) => {
  const page = await openPage()
  await page.goto(await refusedLink(app, 'whoami', 'ann-at-the-app'))
  await page.getByRole('link', { name: 'Sign in and go on' }).click()
  await signInAtIdp(page, people.user.login)
  t.match(await textOf(page), /Let Demo workflows act as you\?.*ann-at-the-app.*Ann Example, Acme/s)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('Back at the app').waitFor()
  t.match(redeemed, [{ status: 200, body: { external_id: 'ann-at-the-app', user_id: ann } }])
  const { status, body } = await callTool(app, 'whoami', 'whoami', { user_id: 'ann-at-the-app' })
  t.equal(status, 200)
  t.match(at(body, 'identity'), { user_id: ann, subject: people.user.sub })
})

await t.test('somebody sees what may act as them, and takes it back with one press', async (t) => {
  const page = await openPage({ javaScriptEnabled: false })
  await page.goto(`${publicUrl}/auth/allowed`)
  await page.getByRole('textbox').fill('acme')
  await page.getByRole('button').click()
  await signInAtIdp(page, people.absent.login)
  t.match(await textOf(page), /What may act as you.*Bob Example, Acme.*Demo workflows/s)
  t.ok((await textOf(page))?.includes(whoami.url), 'at which server')
  await page.getByRole('button', { name: 'Take back' }).click()
  await page.getByText('Nothing is stored').waitFor()
  const refused = await eventually(
    () => callTool(app, 'whoami', 'whoami', { user_id: bob }),
    ({ status }) => status === 428
  )
  t.match(refused, { status: 428, body: { code: 'identity_refresh_rejected' } })
})

await t.test('no other page can show it inside of itself', async (t) => {
  const page = await openPage()
  const isRefusal = (text: string) => /frame-ancestors|X-Frame-Options/.test(text)
  const said = page.waitForEvent('console', { predicate: (message) => isRefusal(message.text()) })
  const [message] = await Promise.all([said, page.goto(`${appUrl}/frame`)])
  t.ok(message)
  const shown = await page.goto(`${publicUrl}/connect`)
  t.equal(shown?.status(), 200, 'though by itself it is there')
})

await t.test('every page for people fits a phone, and can be read by everybody, light and dark', async (t) => {
  const { body: invited } = await owner.send('POST', '/v1/invitations', {
    ...{ email: 'somebody.with.a.long.name@department.example.com', role: 'member' }
  })
  const invitation = textAt(invited, 'link')
  recordSecrets([invitation.slice(invitation.lastIndexOf('/') + 1)])
  const look = { viewport: { width: 320, height: 640 }, colorScheme: 'dark' } as const
  const page = await openPage(look)
  await page.goto(`${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`)
  await signInAtIdp(page, people.user.login)
  await register('narrow', 'A server with a rather long name', `${later.url}/${'long'.repeat(20)}`)
  const link = await refusedLink(app, 'narrow', ann)
  const elsewhere = await refusedLink(app, 'narrow', bob)
  const allow = await refusedLink(app, 'narrow', 'x'.repeat(255))
  const urls = {
    ...{ ask: link, elsewhere, allow, nothing: `${publicUrl}/connect`, device: `${publicUrl}/device` },
    ...{
      allowed: `${publicUrl}/auth/allowed`,
      'sign-out': `${publicUrl}/auth/sign-out`,
      invitation,
      organisation: `${publicUrl}/auth/sign-in`
    }
  }
  for (const [name, url] of Object.entries(urls)) {
    await page.goto(url)
    const seen = await page.evaluate(`({
      isTooWide: document.documentElement.scrollWidth > window.innerWidth,
      ground: getComputedStyle(document.body).backgroundColor,
      scripts: document.scripts.length
    })`)
    t.same(seen, { isTooWide: false, ground: 'rgb(16, 18, 23)', scripts: name === 'device' ? 1 : 0 }, name)
    t.same(await readFaults(page), [], `${name}, dark`)
    await page.emulateMedia({ colorScheme: 'light' })
    t.same(await readFaults(page, ['color-contrast']), [], `${name}, light`)
    await page.emulateMedia({ colorScheme: 'dark' })
  }
})
