import { ReportedError } from '@onbehalf/errors'
import { eventually, recordSecrets } from '@onbehalf/testkit'
import { createBrowser } from '@onbehalf/testkit/http'
import type { SignedIn } from '@onbehalf/testkit/players'
import t from 'tap'
import { startCutProxy } from '../cut-proxy.ts'
import { completeAs, newSubject, openBrowser as openSsoBrowser, type SsoBrowser } from '../sso/browser.ts'
import {
  type Answer,
  decideAs,
  externalIssuer,
  lookUp,
  poll,
  type Started,
  send,
  signInDevice,
  startFlow,
  startService
} from '../start.ts'

const { app, backends, broker, publicUrl, startReplica } = await startService(t)
await app.listen({ host: '127.0.0.1', port: Number(new URL(publicUrl).port) })
const device = `${publicUrl}/device`

// identity-broker's pages are not there: the browser stops where it would go to them.
const follow = (to: URL) => !to.pathname.startsWith('/auth/')

const toChoose = '/auth/renew?return_to=%2Fdevice%2Fchoose&is_optional=true'

const openBrowser = (who?: SignedIn) => {
  const browser = createBrowser()
  t.teardown(browser.close)
  if (who) browser.cookies.store(new URL(publicUrl), [`${who.cookie}; Path=/; HttpOnly`])
  return browser
}

const unlicensed = await startReplica({ environment: { LICENCE_STATE: 'none' } })

/** The browser of somebody an IdP identified for a code. */
const identify = async (started: Started) => {
  const subject = await newSubject(broker)
  const browser = openSsoBrowser(app)
  browser.cookies.set('onbehalf_device_code', started.user_code)
  await browser.ask('GET', '/device/sso')
  const { nonce = '', user_code_hash = '' } = broker.deviceSso.states().at(-1) ?? {}
  const back = await completeAs(broker, subject, { browser, started, flow: { nonce, user_code_hash } })
  return { browser, email: subject.email, back }
}

const isOurs = (name: string): boolean => name.startsWith('onbehalf_device_')
const csrfOf = ({ body }: Answer): string => /name="csrf_token" value="([^"]+)"/.exec(body)?.[1] ?? ''
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const sendForm = (browser: SsoBrowser, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  browser.ask('POST', '/device/sso/decide', {
    headers: { ...form, ...headers },
    body: new URLSearchParams(fields).toString()
  })

t.test('typing the code, reading who asks, and approving works without a script', async (t) => {
  const who = await broker.signIn({ name: 'Ada Lovelace' })
  const { device_code, user_code } = await startFlow(app, { device_label: "Ada's laptop" }, '10.1.2.3')
  const browser = openBrowser(who)
  const entry = await browser.visit(device)
  t.match(entry.body, /Type the code/)
  const typed = user_code.toLowerCase().replace('-', '')
  const confirm = await browser.submit(entry, undefined, { values: { user_code: typed } })
  t.strictSame(
    confirm.hops.map(({ method, status }) => `${method} ${status}`),
    ['POST 303', 'GET 200']
  )
  t.equal(confirm.url, device)
  for (const shown of [
    user_code,
    'Ada&#39;s laptop',
    '10.1.2.3',
    'onbehalf',
    'Ada Lovelace · A tenant',
    'Did you start this'
  ])
    t.ok(confirm.body.includes(shown), shown)
  t.strictSame(
    confirm.forms()[0]?.buttons.map(({ label }) => label),
    ['Deny', 'Approve']
  )
  const done = await browser.submit(confirm, undefined, { button: { label: 'Approve' } })
  t.strictSame(
    done.hops.map(({ method, status }) => `${method} ${status}`),
    ['POST 303', 'GET 200']
  )
  t.match(done.body, /Device signed in/)
  t.match(await poll(app, device_code), { status: 200, body: { account: { id: who.user_id } } })
  t.match((await browser.visit(device)).body, /Type the code/, 'the page has forgotten the code')
})

t.test('denying says so, and the device learns it', async (t) => {
  const { device_code, user_code } = await startFlow(app)
  const browser = openBrowser(await broker.signIn())
  const confirm = await browser.visit(`${device}?user_code=${user_code}`)
  const done = await browser.submit(confirm, undefined, { button: { label: 'Deny' } })
  t.equal(done.url, `${device}/denied`)
  t.match(done.body, /was not signed in/)
  t.match(await poll(app, device_code), { body: { error: 'access_denied' } })
})

t.test('a code that comes by URL stays in no URL, and lives through signing in', async (t) => {
  const { user_code } = await startFlow(app, { tenant: 'acme' })
  const browser = openBrowser()
  const away = await browser.visit(`${device}?user_code=${user_code}`, { follow })
  t.strictSame(
    away.hops.map(({ url }) => url),
    [`${device}?user_code=${user_code}`, device]
  )
  t.equal(away.headers.location, toChoose, 'a session that can be renewed is')
  const chooser = await browser.visit(`${device}/choose`)
  t.match(
    chooser.body,
    new RegExp(`Sign in first.*${user_code}.*href="/auth/renew\\?return_to=%2Fdevice&amp;tenant=acme"`, 's')
  )
  t.notMatch(chooser.body, /laptop|127\.0\.0\.1/, 'what the device is, is for who is signed in')
  const first = await openBrowser().visit(`${device}?user_code=${user_code}`, { follow: false })
  t.match(first.headers, {
    location: '/device',
    'set-cookie': /; HttpOnly; SameSite=Lax$/,
    'cache-control': 'no-store'
  })
  t.match(String(first.headers['set-cookie']), /Max-Age=600; Path=\//)
  browser.cookies.store(new URL(publicUrl), [`${(await broker.signIn()).cookie}; Path=/`])
  t.match((await browser.visit(device)).body, new RegExp(`Did you start this.*${user_code}`, 's'))
  const other = await browser.visit(`${device}?user_code=`)
  t.match(other.body, /Type the code/, 'and can be let go')
})

t.test('who is not signed in types the code first, and comes back to this page alone', async (t) => {
  const { user_code } = await startFlow(app)
  const browser = openBrowser()
  const entry = await browser.visit(device)
  t.match(entry, { status: 200, body: /Type the code/ })
  const away = await browser.submit(entry, undefined, { values: { user_code }, follow })
  t.equal(away.headers.location, toChoose)
  const chooser = await browser.visit(`${device}/choose`)
  t.match(chooser.body, /href="\/auth\/renew\?return_to=%2Fdevice"/)
  await startFlow(app)
  browser.cookies.store(new URL(publicUrl), [`${(await broker.signIn()).cookie}; Path=/`])
  t.match(await browser.visit(`${device}/choose`), { url: device, body: /Did you start this/ }, 'signed in meanwhile')
})

t.test('a hostile label is text, and cannot make the page anything else', async (t) => {
  const label = `</dd><script>alert(1)</script><img src=x onerror='a'>"&`
  const { user_code } = await startFlow(app, { device_label: label })
  const browser = openBrowser(await broker.signIn({ name: '<b>Bob</b>' }))
  const { body } = await browser.visit(`${device}?user_code=${user_code}`)
  t.ok(
    body.includes('&lt;/dd&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;a&#39;&gt;&quot;&amp;')
  )
  t.ok(body.includes('&lt;b&gt;Bob&lt;/b&gt;'))
  t.notMatch(body, /<script>|<img|<b>/)
  const tenant = '"><script>'
  const hinted = await startFlow(app, { tenant })
  const stranger = openBrowser()
  await stranger.visit(`${device}?user_code=${hinted.user_code}`, { follow })
  const chooser = await stranger.visit(`${device}/choose`)
  t.ok(chooser.body.includes(`&amp;tenant=${encodeURIComponent(tenant)}"`))
})

t.test('every page is kept by nobody, framed by nobody, and runs one file of ours', async (t) => {
  const { user_code } = await startFlow(app)
  const browser = openBrowser(await broker.signIn())
  const pages = [
    await browser.visit(device),
    await browser.visit(`${device}?user_code=${user_code}`),
    await browser.visit(`${device}/approved`),
    await browser.visit(`${device}?user_code=AAAA-AAAA`)
  ]
  t.strictSame(
    pages.map(({ status }) => status),
    [200, 200, 200, 404]
  )
  for (const { headers, body } of pages) {
    t.match(headers, { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' })
    const policy = String(headers['content-security-policy'])
    const nonce = /style-src 'nonce-([^']+)'/.exec(policy)?.[1] ?? ''
    t.ok(nonce.length >= 22 && body.includes(`<style nonce="${nonce}">`))
    t.equal(
      policy,
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`
    )
    t.same(body.match(/<script[^>]*>|\son\w+=/g), [`<script src="/device/format-code.js" nonce="${nonce}" defer>`])
  }
  const policies = new Set(pages.map(({ headers }) => headers['content-security-policy']))
  t.equal(policies.size, pages.length, 'a nonce is used once')
})

t.test('what can go wrong has a page of its own', async (t) => {
  const who = await broker.signIn()
  const browser = openBrowser(who)
  const gone = await browser.visit(`${device}?user_code=AAAA-AAAA`)
  t.match(gone, { status: 404, body: /This code does not work/ })
  t.match((await browser.visit(device)).body, /Type the code/, 'a dead code is let go')
  const nonsense = await browser.submit(await browser.visit(device), undefined, { values: { user_code: 'hello' } })
  t.match(nonsense, { status: 400, body: /This is not a code.*value="hello".*aria-invalid="true"/s })

  const { user_code } = await startFlow(app)
  const confirm = await browser.visit(`${device}?user_code=${user_code}`)
  const forged = await browser.submit(confirm, undefined, { button: { label: 'Approve' }, values: { csrf_token: 'x' } })
  t.match(forged, { status: 403, body: /out of date/ })
  const foreign = { button: { label: 'Approve' }, headers: { origin: 'https://evil.example' } }
  t.match(await browser.submit(confirm, undefined, foreign), { status: 403 })
  const asBrowsersDo = { origin: 'null', 'sec-fetch-site': 'same-origin' }
  await decideAs(app, 'deny', who, user_code)
  const late = await browser.submit(confirm, undefined, { button: { label: 'Approve' }, headers: asBrowsersDo })
  t.match(late, { status: 409, body: /Already decided/ }, 'and the origin of a page without a referrer is ours')

  const fresh = await startFlow(app)
  const open = await browser.visit(`${device}?user_code=${fresh.user_code}`)
  broker.endSession(who.session_id)
  await eventually(
    () => browser.visit(device, { follow: false }),
    ({ status }) => status === 303
  )
  const page = await browser.submit(open, undefined, { button: { label: 'Approve' } })
  t.match(page, { status: 401, body: /href="\/auth\/renew\?return_to=%2Fdevice"/ }, 'a link, no redirect out of a form')
})

t.test('the page speaks the language that is liked best, of those it has', async (t) => {
  const expected: [string | undefined, string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['*', 'en'],
    ['fr-FR, de;q=0.8', 'en'],
    ['en-US, en;q=0.9, zh-CN;q=0.8', 'en'],
    ['zh-CN', 'zh-Hans'],
    ['ZH-Hans-SG ; q=0.9 , EN ; q=0.8', 'zh-Hans'],
    ['zh-Hant-TW, zh;q=0.9, en;q=0.8', 'zh-Hans'],
    ['zh;q=0.7, en;q=0.8', 'en'],
    ['en;q=0.8, zh;q=0.8', 'en'],
    ['zh;q=0.8, en;q=0.8', 'zh-Hans'],
    ['fr, zh;q=0.3', 'zh-Hans'],
    ['en;q=0, *;q=0.1', 'zh-Hans'],
    ['zh;q=0, en;q=0', 'en'],
    ['zh;q=2, en;q=0.1', 'en'],
    ['zha, en;q=0.1', 'en'],
    [`${'zh-'.repeat(4000)}`, 'en']
  ]
  for (const [header, language] of expected) {
    const { body, headers } = await send(
      app,
      'GET',
      '/device',
      header === undefined ? {} : { headers: { 'accept-language': header } }
    )
    t.equal(/<html lang="([^"]+)">/.exec(body)?.[1], language, header?.slice(0, 40) ?? 'nothing')
    t.match(headers, { 'content-language': language, vary: /accept-language/i })
  }
})

/** The same asked for in each language: how it is answered, and what the page is called. */
const inEachLanguage = async (ask: (language: string) => Promise<Answer>) => {
  const read = async (language: string) => {
    const { status, body, headers } = await ask(language)
    return { status, title: /<h1[^>]*>([^<]+)</.exec(body)?.[1], language: headers['content-language'] }
  }
  return { en: await read('en'), zh: await read('zh') }
}

t.test('every view is there in both languages, with the status of what happened', async (t) => {
  const who = await broker.signIn()
  const kept = (code: string) => `onbehalf_device_code=${code}`
  const get =
    (path: string, cookie = '', from = app, before = () => {}) =>
    (language: string) => {
      before()
      return send(from, 'GET', path, { headers: { 'accept-language': language, cookie } })
    }
  const post =
    (path: string, fields: Record<string, string>, from = app) =>
    (language: string) =>
      send(from, 'POST', path, {
        headers: { ...form, 'accept-language': language, cookie: fields.cookie ?? '' },
        body: new URLSearchParams(fields).toString()
      })
  const decision = { decision: 'approved', csrf_token: who.csrf, cookie: who.cookie }
  const pending = (await startFlow(app)).user_code
  const decided = (await startFlow(app)).user_code
  await decideAs(app, 'deny', who, decided)
  const stranger = await broker.signIn({ role: null })
  const proxy = await startCutProxy(t, backends.environmentFor('device-auth').REDIS_URL ?? '')
  const cut = await startReplica({ environment: { REDIS_URL: proxy.url } })
  await signInDevice(cut, await broker.signIn())
  const lost = async (language: string) => {
    const { user_code } = await startFlow(app)
    await eventually(
      () => lookUp(cut, user_code),
      ({ status }) => status === 200
    )
    proxy.cutAnswersTo('approved', 1_000)
    const answer = await post('/device/decide', { ...decision, user_code }, cut)(language)
    proxy.cutAnswersTo('approved', 0)
    return answer
  }
  const away = async (language: string) => {
    broker.failFindUser(new ReportedError('unavailable', 'Away.'))
    const { cookie } = await broker.signIn()
    return get('/device', `${cookie}; ${kept(pending)}`)(language)
  }
  const noPlace = () => broker.deviceSso.fail(new ReportedError('not_found', 'There is no such organisation.'))
  const { browser } = await identify(await startFlow(app))
  const identified = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const views: [(language: string) => Promise<Answer>, number, string, string][] = [
    [get('/device'), 200, 'Sign in a device', '登录设备'],
    [post('/device/continue', { user_code: 'no' }), 400, 'Sign in a device', '登录设备'],
    [get('/device/choose', kept(pending)), 200, 'Sign in first', '请先登录'],
    [get('/device', `${who.cookie}; ${kept(pending)}`), 200, 'Did you start this?', '这是您本人发起的吗？'],
    [get('/device/approved'), 200, 'Device signed in', '设备已登录'],
    [get('/device/denied'), 200, 'Request denied', '已拒绝请求'],
    [get('/device/sso', kept(pending), app, noPlace), 200, 'Which organisation?', '您属于哪个组织？'],
    [get('/device', identified), 200, 'Did you start this?', '这是您本人发起的吗？'],
    [get('/device', 'onbehalf_device_failure=sso_failed'), 400, 'Single sign-on did not work', '单点登录失败'],
    [
      get('/device', 'onbehalf_device_failure=email_belongs_to_member'),
      403,
      'You have an account here',
      '您在此处已有账号'
    ],
    [post('/device/sso/decide', { ...decision, user_code: pending }), 401, 'Your sign-in has ended', '登录已失效'],
    [get('/device', kept('AAAA-AAAA')), 404, 'This code does not work', '此代码无效'],
    [post('/device/decide', { ...decision, user_code: decided }), 409, 'Already decided', '已作出决定'],
    [lost, 503, 'Look at your device', '请查看您的设备'],
    [away, 503, 'Something went wrong', '出错了'],
    [get('/device', `${stranger.cookie}; ${kept(pending)}`, unlicensed), 403, 'Members only', '仅限成员'],
    [
      post('/device/decide', { ...decision, user_code: pending, csrf_token: 'x' }),
      403,
      'This page is out of date',
      '此页面已失效'
    ],
    [
      post('/device/decide', { user_code: pending, decision: 'denied' }),
      401,
      'This page was open for a while',
      '此页面已打开太久'
    ]
  ]
  for (const [ask, status, en, zh] of views)
    t.same(await inEachLanguage(ask), {
      en: { status, title: en, language: 'en' },
      zh: { status, title: zh, language: 'zh-Hans' }
    })
})

t.test('no answer can be framed, nor one that refuses', async (t) => {
  const asked: ['GET' | 'POST', string, number][] = [
    ['GET', '/device', 200],
    ['GET', '/device?user_code=AAAA-AAAA', 303],
    ['GET', '/device/choose', 303],
    ['GET', `/device?user_code=${'A'.repeat(257)}`, 400],
    ['GET', '/device/format-code.js', 200],
    ['GET', '/device/nothing', 404],
    ['GET', '/device/%zz', 400],
    ['POST', '/device/continue', 400],
    ['POST', '/device/decide', 401]
  ]
  for (const [method, path, expected] of asked) {
    const { status, headers } = await send(app, method, path)
    t.match([status, headers], [expected, { 'x-frame-options': 'DENY' }], path)
    t.match(headers['content-security-policy'], /frame-ancestors 'none'/, path)
    t.match(headers['cache-control'], path.endsWith('.js') ? 'public, max-age=3600' : 'no-store', path)
  }
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

t.test('guessing on the page counts as guessing', async (t) => {
  const { cookie } = await broker.signIn()
  const guess = (code: string) =>
    send(app, 'GET', '/device', {
      headers: { cookie: `${cookie}; onbehalf_device_code=${code}` },
      remoteAddress: '10.0.0.9'
    })
  for (let asked = 0; asked < 60; asked += 1) await guess('AAAA-AAAA')
  t.match(await guess('AAAA-AAAA'), { status: 429, body: /Too many attempts/, headers: { 'retry-after': /^\d+$/ } })
})
