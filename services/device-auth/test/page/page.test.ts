import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { decideAs, poll, send, startFlow } from '../start.ts'
import { follow, startPage } from './start.ts'

const { app, broker, device, openBrowser, publicUrl } = await startPage(t)
const toChoose = '/auth/renew?return_to=%2Fdevice%2Fchoose&is_optional=true'

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
