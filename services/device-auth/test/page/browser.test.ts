import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { typed } from '@onbehalf/service-kit'
import { until } from '@onbehalf/testkit'
import { type BrowserContext, type Page, readFaults, startChromium } from '@onbehalf/testkit/chromium'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { externalIssuer, poll, startFlow, startService } from '../start.ts'
import { label, person, viewsOf } from './views.ts'

const running = await startService(t)
const { broker, backends, publicUrl, startReplica } = running
// identity-broker's renewal, which finds no session to renew.
const Renewal = Type.Object({ return_to: Type.String() })
const app = await startReplica({
  others: (app) =>
    typed(app).get(
      '/auth/renew',
      { config: { access: 'public' }, schema: { hide: true, querystring: Renewal } },
      (request, reply) => reply.redirect(request.query.return_to, 303)
    )
})
await app.listen({ host: '127.0.0.1', port: Number(new URL(publicUrl).port) })
const { views, signInAs, openConfirm, openIdentified } = viewsOf({ ...running, app })
const chromium = await startChromium(t)
const device = `${publicUrl}/device`
const pictures = join(backends.directory, 'pictures')
mkdirSync(pictures)

type Options = NonNullable<Parameters<typeof chromium.newContext>[0]>

const openPage = async (options: Options = {}): Promise<Page> => {
  const context: BrowserContext = await chromium.newContext({ viewport: { width: 800, height: 900 }, ...options })
  t.teardown(() => context.close())
  context.setDefaultTimeout(60_000)
  return context.newPage()
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent()
/** What has the focus, once something has it: `autofocus` comes after the page has loaded. */
const focused = async (page: Page): Promise<unknown> => {
  await page.locator(':focus').waitFor({ state: 'attached' })
  return page.evaluate('document.activeElement.id || document.activeElement.textContent')
}
t.test('every view can be read by everybody, at a desk and on a phone, light and dark', async (t) => {
  const english = await openPage({ locale: 'en-GB' })
  const chinese = await openPage({ locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 320, height: 640 } })
  for (const [name, { en, zh, open }] of Object.entries(views)) {
    await english.context().clearCookies()
    await english.emulateMedia({ colorScheme: 'light' })
    await open(english)
    t.equal(await heading(english), en)
    t.equal(await english.locator('html').getAttribute('lang'), 'en')
    t.same(await readFaults(english), [], `${name}, light`)
    await english.screenshot({ path: join(pictures, `${name}, light.png`), fullPage: true })
    await english.emulateMedia({ colorScheme: 'dark' })
    t.same(await readFaults(english, ['color-contrast']), [], `${name}, dark`)

    await chinese.context().clearCookies()
    await open(chinese)
    t.equal(await heading(chinese), zh)
    t.equal(await chinese.locator('html').getAttribute('lang'), 'zh-Hans')
    const text = await chinese.locator('main').textContent()
    t.notMatch(text, /[a-z]+ [a-z]+ [a-z]+/, `${name}: no sentence is left in English`)
    const isTooWide = await chinese.evaluate('document.documentElement.scrollWidth > innerWidth')
    t.equal(isTooWide, false, `${name} fits a phone`)
    await chinese.screenshot({ path: join(pictures, `${name}, phone.png`), fullPage: true })
  }
})

t.test('a member types the code, reads who asks, and approves, with the keyboard alone', async (t) => {
  const { device_code, user_code } = await startFlow(app, { device_label: label }, '10.1.2.3')
  const page = await openPage()
  await signInAs(page, await broker.signIn(person))
  await page.goto(device)
  t.equal(await focused(page), 'user_code', 'the field waits')
  await page.keyboard.type(user_code.toLowerCase().replace('-', ' '))
  t.equal(await page.locator('#user_code').inputValue(), user_code, 'it is shown as the device shows it')
  await page.keyboard.press('Enter')
  await page.getByText('10.1.2.3').waitFor()
  t.equal(page.url(), device, 'the code is in no URL')
  t.equal(await focused(page), 'Did you start this?', 'what is asked is heard first')
  for (const shown of [user_code, label, 'onbehalf', 'Ada Lovelace · A tenant', /1\d minutes/, /just now|minutes? ago/])
    t.match(await page.locator('main').textContent(), shown)
  await page.keyboard.press('Enter')
  t.equal(page.url(), device, 'a hurried Enter decides nothing')
  await page.keyboard.press('Tab')
  t.equal(await focused(page), 'Deny')
  await page.keyboard.press('Tab')
  t.equal(await focused(page), 'Approve')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${device}/approved`)
  t.equal(await focused(page), 'Device signed in')
  t.match(await poll(app, device_code), { status: 200 })
})

t.test('whom an IdP identified approves the code they came with', async (t) => {
  const page = await openPage()
  const { device_code, user_code } = await openIdentified(page)
  t.equal(page.url(), device, 'no address says who they are')
  for (const shown of [user_code, label, '10.1.2.3', 'grace.hopper@partner.example.com', externalIssuer])
    t.match(await page.locator('main').textContent(), shown)
  await button(page, 'Approve').click()
  await page.waitForURL(`${device}/approved`)
  t.match(await poll(app, device_code), { status: 200, body: { token: /^dfoe_/ } })
})

t.test('neither button is the bigger one', async (t) => {
  const page = await openPage()
  await openConfirm(page)
  const looks = await page.evaluate(`[...document.querySelectorAll('button')].map((one) => {
    const { color, backgroundColor, borderColor, fontSize, fontWeight } = getComputedStyle(one)
    const { width, height } = one.getBoundingClientRect()
    return { color, backgroundColor, borderColor, fontSize, fontWeight, width, height }
  })`)
  t.ok(Array.isArray(looks) && looks.length === 2)
  if (Array.isArray(looks)) t.same(looks[0], looks[1])
})

t.test('what no code has is left out while typing, and said', async (t) => {
  const page = await openPage()
  await page.goto(device)
  const field = page.locator('#user_code')
  const said = page.getByRole('status')
  await field.pressSequentially('ab0')
  t.equal(await field.inputValue(), 'AB')
  t.equal(await said.textContent(), 'Codes have no I, O or Z, and no 0, 1 or 2.')
  await field.pressSequentially('cd3')
  t.same([await field.inputValue(), await said.textContent()], ['ABCD-3', ''])
  await field.fill(' ａｂｃｄ—3456xyz')
  t.equal(await field.inputValue(), 'ABCD-3456', 'full width, dashes and what is too much')
  await field.press('Home')
  await page.keyboard.press('Delete')
  await page.keyboard.type('k')
  t.equal(await field.inputValue(), 'KBCD-3456', 'the caret stays where it was')
  await page.keyboard.press('Delete')
  t.equal(await field.inputValue(), 'KCD3-456')
})

t.test('without a script the same work is done', async (t) => {
  const { device_code, user_code } = await startFlow(app)
  const page = await openPage({ javaScriptEnabled: false })
  await signInAs(page, await broker.signIn(person))
  await page.goto(device)
  await page.locator('#user_code').fill('zzz')
  await button(page, 'Continue').click()
  const field = page.getByLabel('One-time code')
  t.equal(await field.getAttribute('aria-invalid'), 'true')
  t.equal(await field.inputValue(), 'zzz', 'what was typed can be mended')
  await field.fill(user_code.replace('-', '').toLowerCase())
  await button(page, 'Continue').click()
  await button(page, 'Deny').click()
  t.equal(await heading(page), 'Request denied')
  t.match(await poll(app, device_code), { body: { error: 'access_denied' } })
})

t.test('only our own script runs, and nobody shows the page inside of theirs', async (t) => {
  const page = await openPage()
  await openConfirm(page)
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  const ran = await page.evaluate(`new Promise((resolve) => {
    const script = document.createElement('script')
    script.textContent = 'window.hasRun = true'
    document.head.append(script)
    const other = document.createElement('script')
    other.src = '/device/format-code.js'
    other.onload = () => resolve('loaded')
    other.onerror = () => resolve(window.hasRun ?? 'refused')
    document.head.append(other)
  })`)
  t.equal(ran, 'refused')
  await t.resolves(until(() => said.join('\n').includes('script-src'), 60))
})
