import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ReportedError } from '@onbehalf/errors'
import { typed } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import { type BrowserContext, type Page, readFaults, startChromium } from '@onbehalf/testkit/chromium'
import type { SignedIn } from '@onbehalf/testkit/players'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { decideAs, poll, send, startFlow, startService } from '../start.ts'

const { broker, backends, publicUrl, redis, startReplica } = await startService(t)
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
const chromium = await startChromium(t)
const device = `${publicUrl}/device`
const pictures = join(backends.directory, 'pictures')
mkdirSync(pictures)

type Options = NonNullable<Parameters<typeof chromium.newContext>[0]>

/** Somebody's browser. */
const openPage = async (who?: SignedIn, options: Options = {}): Promise<Page> => {
  const context: BrowserContext = await chromium.newContext({ viewport: { width: 800, height: 900 }, ...options })
  t.teardown(() => context.close())
  context.setDefaultTimeout(15_000)
  if (who) {
    const [name = '', value = ''] = who.cookie.split('=')
    await context.addCookies([{ name, value, url: publicUrl, httpOnly: true, sameSite: 'Lax' }])
  }
  return context.newPage()
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent()
const focused = (page: Page): Promise<unknown> =>
  page.evaluate('document.activeElement.id || document.activeElement.textContent')
const label = 'ada-lovelace-macbook-pro-16.department.example.com'
const person = { name: 'Ada Lovelace' }

/** A page at which a member is asked. */
const openConfirm = async (options?: Options) => {
  const who = await broker.signIn(person)
  const { device_code, user_code } = await startFlow(
    app,
    { device_label: label },
    '2001:db8:85a3:8d3:1319:8a2e:370:7348'
  )
  const page = await openPage(who, options)
  await page.goto(`${device}?user_code=${user_code}`)
  return { who, device_code, user_code, page }
}

/** How each view comes about; what is typed and pressed is in every language at the same place. */
const views: Readonly<Record<string, (options: Options) => Promise<Page>>> = {
  'code entry': async (options) => {
    const page = await openPage(undefined, options)
    await page.goto(device)
    return page
  },
  'no code': async (options) => {
    const page = await openPage(undefined, options)
    await page.goto(device)
    await page.locator('#user_code').fill('ABC1')
    await page.getByRole('button').click()
    await page.locator('#fault').waitFor()
    return page
  },
  chooser: async (options) => {
    const { user_code } = await startFlow(app)
    const page = await openPage(undefined, options)
    await page.goto(`${device}?user_code=${user_code}`)
    return page
  },
  'authorize member': async (options) => (await openConfirm(options)).page,
  success: async (options) => {
    const { page } = await openConfirm(options)
    await page.getByRole('button').last().click()
    await page.waitForURL(`${device}/approved`)
    return page
  },
  denied: async (options) => {
    const { page } = await openConfirm(options)
    await page.getByRole('button').first().click()
    await page.waitForURL(`${device}/denied`)
    return page
  },
  expired: async (options) => {
    const page = await openPage(undefined, options)
    await page.goto(`${device}?user_code=AAAA-AAAA`)
    return page
  },
  'already decided': async (options) => {
    const { page, who, user_code } = await openConfirm(options)
    await decideAs(app, 'deny', who, user_code)
    await page.getByRole('button').last().click()
    await page.waitForURL(`${device}/decide`)
    return page
  },
  'rate limited': async (options) => {
    const guess = () => send(app, 'GET', '/device', { headers: { cookie: 'onbehalf_device_code=AAAA-AAAA' } })
    await eventually(guess, ({ status }) => status === 429)
    const page = await openPage(undefined, options)
    await page.goto(`${device}?user_code=AAAA-AAAA`)
    for (const key of await redis.keys('device-auth:limit:*')) await redis.del(key)
    return page
  },
  'lookup failed': async (options) => {
    broker.failFindUser(new ReportedError('unavailable', 'Away.'))
    return (await openConfirm(options)).page
  },
  'members only': async (options) => {
    const { user_code } = await startFlow(app)
    const page = await openPage(await broker.signIn({ role: null }), options)
    await page.goto(`${device}?user_code=${user_code}`)
    return page
  },
  'out of date': async (options) => {
    const { page } = await openConfirm(options)
    await page.evaluate("document.querySelector('[name=csrf_token]').value = 'x'")
    await page.getByRole('button').last().click()
    await page.waitForURL(`${device}/decide`)
    return page
  },
  'signed out': async (options) => {
    const { page } = await openConfirm(options)
    await page.context().clearCookies()
    await page.getByRole('button').last().click()
    await page.waitForURL(`${device}/decide`)
    return page
  }
}

const headings = {
  'code entry': ['Sign in a device', '登录设备'],
  'no code': ['Sign in a device', '登录设备'],
  chooser: ['Sign in first', '请先登录'],
  'authorize member': ['Did you start this?', '这是您本人发起的吗？'],
  success: ['Device signed in', '设备已登录'],
  denied: ['Request denied', '已拒绝请求'],
  expired: ['This code does not work', '此代码无效'],
  'already decided': ['Already decided', '已作出决定'],
  'rate limited': ['Too many attempts', '尝试次数过多'],
  'lookup failed': ['Something went wrong', '出错了'],
  'members only': ['Members only', '仅限成员'],
  'out of date': ['This page is out of date', '此页面已失效'],
  'signed out': ['This page was open for a while', '此页面已打开太久']
}

t.test('every view can be read by everybody, on a desk and on a phone, light and dark', async (t) => {
  const isTooWide = 'document.documentElement.scrollWidth > innerWidth'
  for (const [name, titles] of Object.entries(headings)) {
    const open = views[name]
    if (!open) throw new Error(`no way to ${name}`)
    const english = await open({ locale: 'en-GB' })
    t.equal(await heading(english), titles[0])
    t.equal(await english.locator('html').getAttribute('lang'), 'en')
    t.same(await readFaults(english), [], `${name}, light`)
    await english.screenshot({ path: join(pictures, `${name}, light.png`), fullPage: true })
    await english.emulateMedia({ colorScheme: 'dark' })
    t.same(await readFaults(english), [], `${name}, dark`)
    await english.screenshot({ path: join(pictures, `${name}, dark.png`), fullPage: true })

    const chinese = await open({ locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 320, height: 640 } })
    t.equal(await heading(chinese), titles[1])
    t.equal(await chinese.locator('html').getAttribute('lang'), 'zh-Hans')
    t.notMatch(
      await chinese.locator('main').textContent(),
      /[a-z]+ [a-z]+ [a-z]+/,
      `${name}: no sentence is left in English`
    )
    t.equal(await chinese.evaluate(isTooWide), false, `${name} fits a phone`)
    await chinese.screenshot({ path: join(pictures, `${name}, phone.png`), fullPage: true })
  }
})

t.test('a member types the code, reads who asks, and approves, with the keyboard alone', async (t) => {
  const { device_code, user_code } = await startFlow(app, { device_label: label }, '10.1.2.3')
  const page = await openPage(await broker.signIn(person))
  await page.goto(device)
  t.equal(await focused(page), 'user_code', 'the field waits')
  await page.keyboard.type(user_code.toLowerCase().replace('-', ' '))
  t.equal(await page.locator('#user_code').inputValue(), user_code, 'it is shown as the device shows it')
  await page.keyboard.press('Enter')
  await page.getByText('10.1.2.3').waitFor()
  t.equal(page.url(), device, 'the code is in no URL')
  t.equal(await focused(page), 'Did you start this?', 'what is asked is heard first')
  for (const shown of [user_code, label, 'onbehalf', 'Ada Lovelace · A tenant', '15 minutes', 'just now'])
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

t.test('neither button is the bigger one', async (t) => {
  const { page } = await openConfirm()
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
  const page = await openPage(await broker.signIn(person), { javaScriptEnabled: false })
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
  const { page } = await openConfirm()
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
  t.match(said.join('\n'), /script-src/)
})
