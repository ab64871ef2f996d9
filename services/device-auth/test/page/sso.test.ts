import { ReportedError } from '@onbehalf/errors'
import { recordSecrets } from '@onbehalf/testkit'
import t from 'tap'
import { openBrowser as openSsoBrowser, type SsoBrowser } from '../sso/browser.ts'
import { type Answer, externalIssuer, poll, send, startFlow } from '../start.ts'
import { form, startPage } from './start.ts'

const { app, broker, identify, publicUrl, unlicensed } = await startPage(t)

const isOurs = (name: string): boolean => name.startsWith('onbehalf_device_')
const csrfOf = ({ body }: Answer): string => /name="csrf_token" value="([^"]+)"/.exec(body)?.[1] ?? ''
const sendForm = (browser: SsoBrowser, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  browser.ask('POST', '/device/sso/decide', {
    headers: { ...form, ...headers },
    body: new URLSearchParams(fields).toString()
  })

t.test('whom an IdP identified reads who asks, and approves or denies', async (t) => {
  const started = await startFlow(app, { device_label: 'television' }, '10.1.2.3')
  const { user_code } = started
  const { browser, back, email } = await identify(started)
  t.equal(back.headers.location, `${publicUrl}/device?sso_verified=1`)
  const bare = await browser.ask('GET', '/device?sso_verified=1')
  t.match(bare, { status: 303, headers: { location: '/device' } })
  const page = await browser.ask('GET', '/device')
  for (const shown of ['Did you start this?', user_code, 'television', '10.1.2.3', email, externalIssuer])
    t.ok(page.body.includes(shown), shown)
  t.match(page.body, /value="denied">Deny<.*value="approved">Approve</s)
  const asked = { user_code, csrf_token: csrfOf(page), decision: 'approved' }
  recordSecrets([asked.csrf_token])
  t.match(await sendForm(browser, { ...asked, csrf_token: 'x' }), { status: 403, body: /out of date/ })
  t.match(await sendForm(browser, { ...asked, user_code: 'AAAA-AAAA' }), { status: 400, body: /out of date/ })
  t.match(await sendForm(browser, asked, { origin: 'https://evil.example' }), { status: 403 })
  t.match(await sendForm(openSsoBrowser(app), asked), { status: 401, body: /Your sign-in has ended/ })
  t.match(await sendForm(browser, asked), { status: 303, headers: { location: '/device/approved' } })
  t.same([...browser.cookies.keys()].filter(isOurs), [], 'nothing is left in the browser')
  t.match(await poll(app, started.device_code), { status: 200, body: { token: /^dfoe_/ } })

  const other = await startFlow(app)
  const second = await identify(other)
  const csrf_token = csrfOf(await second.browser.ask('GET', '/device'))
  recordSecrets([csrf_token])
  const denied = await sendForm(second.browser, { user_code: other.user_code, csrf_token, decision: 'denied' })
  t.equal(denied.headers.location, '/device/denied')
  t.match(await poll(app, other.device_code), { body: { error: 'access_denied' } })
})

t.test('another code takes the place of what was to be approved, and the other way round', async (t) => {
  const [first, second] = [await startFlow(app), await startFlow(app)]
  const { browser } = await identify(first)
  await browser.ask('GET', '/device?sso_verified=1')
  t.same([...browser.cookies.keys()].filter(isOurs), ['onbehalf_device_approval'])
  await browser.ask('GET', `/device?user_code=${second.user_code}`)
  t.same([...browser.cookies.keys()].filter(isOurs), ['onbehalf_device_code'])
  t.match((await browser.ask('GET', '/device/choose')).body, second.user_code)
})

t.test('why single sign-on failed is said once, in our own words', async (t) => {
  for (const [word, title] of [
    ['sso_failed', 'Single sign-on did not work'],
    ['"><b>', 'Single sign-on did not work'],
    ['email_belongs_to_member', 'You have an account here'],
    ['user_code_not_pending', 'This code does not work']
  ] as const) {
    const browser = openSsoBrowser(app)
    const bare = await browser.ask('GET', `/device?sso_error=${encodeURIComponent(word)}`)
    t.match(bare, { status: 303, headers: { location: '/device' } })
    const page = await browser.ask('GET', '/device')
    t.match(page.body, title)
    t.notOk(page.body.includes(word), 'and not in theirs')
    t.match(await browser.ask('GET', '/device'), { status: 200, body: /Type the code/ })
  }
})

t.test(
  'single sign-on is offered with a licence, to who is no member too, and asks for the organisation',
  async (t) => {
    const { user_code } = await startFlow(app)
    const code = `onbehalf_device_code=${user_code}`
    const stranger = await broker.signIn({ role: null })
    const link = 'href="/device/sso"'
    const seen = (from: typeof app, path: string, cookie: string) => send(from, 'GET', path, { headers: { cookie } })
    t.ok((await seen(app, '/device/choose', code)).body.includes(link))
    t.ok((await seen(app, '/device', `${code}; ${stranger.cookie}`)).body.includes(link))
    t.notOk((await seen(unlicensed, '/device/choose', code)).body.includes(link))
    t.match(await seen(unlicensed, '/device/sso', code), { status: 303, headers: { location: '/device' } })
    t.match(await seen(app, '/device/sso', ''), { status: 303, headers: { location: '/device' } })
    const unknown = new ReportedError('not_found', 'There is no such organisation.')
    broker.deviceSso.fail(unknown)
    t.match(await seen(app, '/device/sso', code), { status: 200, body: /Which organisation\?/ })
    broker.deviceSso.fail(unknown)
    const again = await seen(app, '/device/sso?tenant=acne', code)
    t.match(again, { status: 400, body: /value="acne".*aria-invalid="true"/s })
    t.match(again.body, /No organisation of this name/)
    t.notMatch(again.headers['content-security-policy'], /form-action/, 'the form is answered by the way to an IdP')
    await seen(app, '/device/sso?tenant=acme', code)
    t.match(broker.deviceSso.states().at(-1), { tenant: 'acme' })
  }
)
