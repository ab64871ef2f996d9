import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ReportedError } from '@onbehalf/errors'
import { typed } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import { type BrowserContext, type Page, readFaults, startChromium } from '@onbehalf/testkit/chromium'
import type { SignedIn } from '@onbehalf/testkit/players'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { newSubject } from '../sso/browser.ts'
import { decideAs, externalIssuer, poll, send, startFlow, startService } from '../start.ts'

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

const openPage = async (options: Options = {}): Promise<Page> => {
  const context: BrowserContext = await chromium.newContext({ viewport: { width: 800, height: 900 }, ...options })
  t.teardown(() => context.close())
  context.setDefaultTimeout(15_000)
  return context.newPage()
}

const signInAs = async (page: Page, who: SignedIn): Promise<void> => {
  const [name = '', value = ''] = who.cookie.split('=')
  await page.context().addCookies([{ name, value, url: publicUrl, httpOnly: true, sameSite: 'Lax' }])
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent()
/** What has the focus, once something has it: `autofocus` comes after the page has loaded. */
const focused = async (page: Page): Promise<unknown> => {
  await page.locator(':focus').waitFor({ state: 'attached' })
  return page.evaluate('document.activeElement.id || document.activeElement.textContent')
}
const label = 'ada-lovelace-macbook-pro-16.department.example.com'
const person = { name: 'Ada Lovelace' }

/** Opens what a member is asked. */
const openConfirm = async (page: Page) => {
  const who = await broker.signIn(person)
  await signInAs(page, who)
  const ip = '2001:db8:85a3:8d3:1319:8a2e:370:7348'
  const { user_code } = await startFlow(app, { device_label: label }, ip)
  await page.goto(`${device}?user_code=${user_code}`)
  return { who, user_code }
}

/** Opens what somebody is asked whom an IdP identified. */
const openIdentified = async (page: Page) => {
  const subject = await newSubject(broker, 'grace.hopper@partner.example.com')
  const { device_code, user_code } = await startFlow(app, { device_label: label }, '10.1.2.3')
  await page.goto(`${device}?user_code=${user_code}`)
  await page.context().request.get(`${device}/sso`, { maxRedirects: 0 })
  const { user_code_hash = '', nonce = '' } = broker.deviceSso.states().at(-1) ?? {}
  const assertion = await broker.deviceSso.assert({ ...subject, user_code_hash, nonce })
  await page.goto(`${publicUrl}/openapi/v1/oauth/device/sso-complete?sso_assertion=${assertion}`)
  return { device_code, user_code }
}

const deny = async (page: Page, path: string): Promise<void> => {
  await page.getByRole('button').first().click()
  await page.waitForURL(`${device}/${path}`)
}
const approve = async (page: Page, path: string): Promise<void> => {
  await page.getByRole('button').last().click()
  await page.waitForURL(`${device}/${path}`)
}

type Shown = { en: string; zh: string; open: (page: Page) => Promise<unknown> }

/** Each view: what it is called, and how it comes about in a browser without cookies, in any language. */
const views: Readonly<Record<string, Shown>> = {
  'code entry': { en: 'Sign in a device', zh: '登录设备', open: (page) => page.goto(device) },
  'no code': {
    ...{ en: 'Sign in a device', zh: '登录设备' },
    open: async (page) => {
      await page.goto(device)
      await page.locator('#user_code').fill('ABC1')
      await approve(page, 'continue')
    }
  },
  chooser: {
    ...{ en: 'Sign in first', zh: '请先登录' },
    open: async (page) => page.goto(`${device}?user_code=${(await startFlow(app)).user_code}`)
  },
  organisation: {
    ...{ en: 'Which organisation?', zh: '您属于哪个组织？' },
    open: async (page) => {
      broker.deviceSso.fail(new ReportedError('not_found', 'There is no such organisation.'))
      await page.goto(`${device}?user_code=${(await startFlow(app)).user_code}`)
      await page.goto(`${device}/sso`)
    }
  },
  'authorize member': { en: 'Did you start this?', zh: '这是您本人发起的吗？', open: openConfirm },
  'authorize sso': { en: 'Did you start this?', zh: '这是您本人发起的吗？', open: openIdentified },
  success: {
    ...{ en: 'Device signed in', zh: '设备已登录' },
    open: async (page) => {
      await openConfirm(page)
      await approve(page, 'approved')
    }
  },
  denied: {
    ...{ en: 'Request denied', zh: '已拒绝请求' },
    open: async (page) => {
      await openConfirm(page)
      await deny(page, 'denied')
    }
  },
  expired: {
    ...{ en: 'This code does not work', zh: '此代码无效' },
    open: (page) => page.goto(`${device}?user_code=AAAA-AAAA`)
  },
  'already decided': {
    ...{ en: 'Already decided', zh: '已作出决定' },
    open: async (page) => {
      const { who, user_code } = await openConfirm(page)
      await decideAs(app, 'deny', who, user_code)
      await approve(page, 'decide')
    }
  },
  'rate limited': {
    ...{ en: 'Too many attempts', zh: '尝试次数过多' },
    open: async (page) => {
      const guess = () => send(app, 'GET', '/device', { headers: { cookie: 'onbehalf_device_code=AAAA-AAAA' } })
      await eventually(guess, ({ status }) => status === 429)
      await page.goto(`${device}?user_code=AAAA-AAAA`)
      for (const key of await redis.keys('device-auth:limit:*')) await redis.del(key)
    }
  },
  'lookup failed': {
    ...{ en: 'Something went wrong', zh: '出错了' },
    open: async (page) => {
      broker.failFindUser(new ReportedError('unavailable', 'Away.'))
      await openConfirm(page)
    }
  },
  'sso over': {
    ...{ en: 'Your sign-in has ended', zh: '登录已失效' },
    open: async (page) => {
      await openIdentified(page)
      await page.context().clearCookies()
      await approve(page, 'sso/decide')
    }
  },
  'sso failed': {
    ...{ en: 'Single sign-on did not work', zh: '单点登录失败' },
    open: (page) => page.goto(`${device}?sso_error=sso_failed`)
  },
  'sso is member': {
    ...{ en: 'You have an account here', zh: '您在此处已有账号' },
    open: (page) => page.goto(`${device}?sso_error=email_belongs_to_member`)
  },
  'out of date': {
    ...{ en: 'This page is out of date', zh: '此页面已失效' },
    open: async (page) => {
      await openConfirm(page)
      await page.evaluate("document.querySelector('[name=csrf_token]').value = 'x'")
      await approve(page, 'decide')
    }
  },
  'signed out': {
    ...{ en: 'This page was open for a while', zh: '此页面已打开太久' },
    open: async (page) => {
      await openConfirm(page)
      await page.context().clearCookies()
      await deny(page, 'decide')
    }
  }
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
  for (const shown of [user_code, label, 'onbehalf', 'Ada Lovelace · A tenant', /1[45] minutes/, 'just now'])
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
  t.match(said.join('\n'), /script-src/)
})
