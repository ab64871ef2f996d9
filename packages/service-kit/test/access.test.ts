import { randomBytes } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import t from 'tap'
import {
  type Access,
  type App,
  administrators,
  anyUser,
  callerOf,
  orExternals,
  orKeyFor,
  userOf
} from '../src/index.ts'
import { createDirectory, publicUrl, sessionCookie, startApp } from './app.ts'

const directory = createDirectory()
const { authenticators } = directory

const accesses: Record<string, Access> = {
  '/public': 'public',
  '/session': { credentials: ['session'] },
  '/bearer': { credentials: ['bearer'] },
  '/api-key': { credentials: ['api_key'], scope: 'tools:call' },
  '/any-user': anyUser,
  '/any-caller': orExternals(anyUser),
  '/admin': administrators,
  '/inner': 'inner'
}
const routes = (app: App) => {
  for (const [url, access] of Object.entries(accesses)) {
    app.get(url, { config: { access } }, async ({ caller }) => ({ kind: caller?.principal.kind ?? 'nobody' }))
    app.post(url, { config: { access } }, async () => ({}))
  }
  app.get('/person', { config: { access: orKeyFor('tools:call', anyUser) } }, async (request) => userOf(request))
  app.get('/nobody', { config: { access: 'public' } }, async (request) => callerOf(request).principal)
}
const inner = async ({ headers }: { headers: Record<string, unknown> }) => {
  if (headers['enterprise-api-secret-key'] !== 'right') throw new ReportedError('not_found', 'There is nothing here.')
}

t.test('a route that does not say who may call it, or hides that it is guarded, does not register', async (t) => {
  await t.rejects(startApp(t, { routes: (app) => void app.get('/open', async () => ({})) }), {
    message: /GET \/open does not say who may call it/
  })
  await t.rejects(
    startApp(t, { routes: (app) => void app.register(async (scope) => void scope.post('/in', async () => ({}))) })
  )
  const hidden = { config: { access: anyUser }, schema: { hide: true } }
  await t.rejects(startApp(t, { routes: (app) => void app.get('/hidden', hidden, async () => ({})) }), {
    message: /GET \/hidden is not public: it may not hide/
  })
  const { app } = await startApp(t, { routes })
  t.same(
    app.routeTable.filter(({ url, method }) => url === '/admin' && method !== 'HEAD').map(({ access }) => access),
    [administrators, administrators]
  )
})

t.test('each kind of credential opens the routes that name it, and no other', async (t) => {
  const { app } = await startApp(t, { routes, authenticators: { ...authenticators, inner } })
  const credentials: Record<string, Record<string, string>> = {
    nothing: {},
    session: { cookie: (await directory.session()).cookie },
    admin: { cookie: (await directory.session('admin')).cookie },
    nobody: { cookie: (await directory.session(null)).cookie },
    device: directory.deviceToken(),
    owner: directory.deviceToken('owner'),
    external: directory.externalToken(),
    app: directory.apiKey(),
    inner: { 'enterprise-api-secret-key': 'right' }
  }
  const open: Record<string, string[]> = {
    '/public': Object.keys(credentials),
    '/session': ['session', 'admin', 'nobody'],
    '/bearer': ['device', 'owner'],
    '/api-key': ['app'],
    '/any-user': ['session', 'admin', 'nobody', 'device', 'owner'],
    '/any-caller': ['session', 'admin', 'nobody', 'device', 'owner', 'external'],
    '/admin': ['admin', 'owner'],
    '/inner': ['inner']
  }
  for (const url of Object.keys(accesses))
    for (const [who, headers] of Object.entries(credentials)) {
      const { statusCode, json } = await app.inject({ url, headers })
      if (open[url]?.includes(who)) t.equal(statusCode, 200, `${who} may ${url}`)
      else t.equal(statusCode, statusOfRefusal(url, who), `${who} may not ${url}: ${json().code}`)
    }
})

t.test('an API key opens what it was made for, and a route that takes keys says for what', async (t) => {
  const access = orKeyFor('providers:write', administrators)
  const guarded = (app: App) => void app.get('/guarded', { config: { access } }, async () => ({}))
  const { app } = await startApp(t, { routes: guarded, authenticators })
  const ask = async (headers: Record<string, string>) => (await app.inject({ url: '/guarded', headers })).json()
  const refused = { status: 403, code: 'forbidden' }
  t.match(await ask(directory.apiKey()), { ...refused, message: /providers:write/ }, 'a key as they are made')
  t.match(await ask(directory.apiKey(['providers:read', 'members:read'])), refused)
  t.same(await ask(directory.apiKey(['providers:write'])), {})
  t.same(await ask(directory.deviceToken('admin')), {})
  t.match(await ask(directory.deviceToken('member')), refused)
  t.match((await app.inject('/openapi.json')).json().paths['/guarded'].get.security, [
    { session: [] },
    { bearer: [] },
    { api_key: ['providers:write'] }
  ])
  const forgotten = { config: { access: { credentials: ['api_key'] } } } as const
  await t.rejects(startApp(t, { routes: (app) => void app.get('/keys', forgotten, async () => ({})) }), {
    message: /GET \/keys takes API keys and does not say of which scope/
  })
})

t.test('who shows a credential of a kind that a route does not take reads which kinds it takes', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const { cookie } = await directory.session()
  const said = async (url: string, headers: Record<string, string>) => (await app.inject({ url, headers })).json()
  t.match(await said('/any-user', directory.apiKey()), {
    code: 'invalid_bearer',
    message: /takes .*cookie or a device token .*, not an API key/
  })
  t.match(await said('/api-key', directory.deviceToken()), {
    code: 'invalid_bearer',
    message: /takes an API key .*, not a device/
  })
  t.match(await said('/bearer', { cookie }), { code: 'unauthenticated', message: /takes a device token/ })
  t.same(
    (await said('/any-user', directory.apiKey())).message,
    (await said('/any-user', { authorization: `Bearer obk_${'A'.repeat(43)}` })).message,
    'whether the key is good is not told'
  )
})

const statusOfRefusal = (url: string, who: string): number => {
  if (url === '/inner') return 404
  const isKnown = url === '/admin' && ['session', 'nobody', 'device'].includes(who)
  const isElsewhere = who === 'external' && ['/admin', '/bearer', '/any-user'].includes(url)
  return isKnown || isElsewhere ? 403 : 401
}

t.test('a renewal needs its cookie, and a page of ours that asks', async (t) => {
  const { app } = await startApp(t, {
    routes: (app) => void app.post('/renew', { config: { access: 'renewal' } }, async () => ({}))
  })
  const cookie = '__Secure-onbehalf_renewal=x'
  const origin = publicUrl
  const sent: [Record<string, string>, number][] = [
    [{ origin }, 401],
    [{ cookie }, 403],
    [{ cookie, origin: 'https://evil.example' }, 403],
    [{ cookie, origin: 'null' }, 403],
    [{ cookie, origin: 'null', 'sec-fetch-site': 'same-origin' }, 200],
    [{ cookie, origin }, 200]
  ]
  for (const [headers, expected] of sent) {
    const { statusCode } = await app.inject({ method: 'POST', url: '/renew', headers })
    t.equal(statusCode, expected, JSON.stringify(headers))
  }
})

t.test(
  'a kind that a service cannot resolve is refused, and an inner route it does not have is not there',
  async (t) => {
    const { app } = await startApp(t, { routes, authenticators: {} })
    const { cookie } = await directory.session()
    const ask = async (url: string, headers: Record<string, string>) => (await app.inject({ url, headers })).json().code
    t.equal(await ask('/bearer', directory.deviceToken()), 'invalid_bearer')
    t.equal(await ask('/api-key', directory.apiKey()), 'invalid_bearer')
    t.equal(await ask('/session', { cookie }), 'unauthenticated')
    t.equal(await ask('/inner', { 'enterprise-api-secret-key': 'right' }), 'not_found')
  }
)

t.test('an Authorization header is never passed over for the cookie, whatever it holds', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const { cookie } = await directory.session('admin')
  const jwt = cookie.slice(sessionCookie.length + 1)
  const asked = directory.state.asked
  const headers = [
    '',
    'Bearer',
    'Bearer ',
    'Bearer x',
    `Bearer ${jwt}`,
    'Basic dTpw',
    `dfoa_${'A'.repeat(43)}`,
    `Bearer dfoa_${'A'.repeat(42)}`,
    `Bearer xyz_${'A'.repeat(43)}`
  ]
  for (const authorization of headers) {
    const answer = await app.inject({ url: '/any-user', headers: { cookie, authorization } })
    t.match([answer.statusCode, answer.json().code], [401, 'invalid_bearer'], authorization.slice(0, 20))
    t.equal(answer.headers['www-authenticate'], 'Bearer')
  }
  t.equal(directory.state.asked, asked, 'what has no known form is looked up nowhere')
  const unknown = { cookie, authorization: `Bearer dfoa_${randomBytes(32).toString('base64url')}` }
  t.equal((await app.inject({ url: '/any-user', headers: unknown })).statusCode, 401)
  t.equal((await app.inject({ url: '/session', headers: { cookie, ...directory.deviceToken() } })).statusCode, 401)
})

t.test('a route for people says so to an API key; a public one has no caller', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  t.match((await app.inject({ url: '/person', headers: directory.apiKey() })).json(), {
    code: 'forbidden',
    status: 403
  })
  t.match((await app.inject({ url: '/person', headers: directory.deviceToken() })).json(), { kind: 'user' })
  t.equal((await app.inject({ url: '/nobody', headers: directory.deviceToken() })).statusCode, 500)
})

t.test('an unsafe request of a session needs its csrf value and an origin of ours', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const { cookie, csrf } = await directory.session()
  const { csrf: other } = await directory.session()
  const post = async (headers: Record<string, string>, payload?: string) =>
    (
      await app.inject({
        method: 'POST',
        url: '/session',
        headers: { cookie, ...headers },
        ...(payload ? { payload } : {})
      })
    ).statusCode
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const token = { 'x-csrf-token': csrf }
  t.equal(await post(token), 200)
  t.equal(await post({ ...token, origin: publicUrl }), 200)
  t.equal(await post(form, `csrf_token=${csrf}`), 200)
  t.equal(await post({ ...token, origin: 'null', 'sec-fetch-site': 'same-origin' }), 200)
  t.equal(await post({}), 403)
  t.equal(await post({ 'x-csrf-token': '' }), 403)
  t.equal(await post({ 'x-csrf-token': other }), 403)
  t.equal(await post(form, `csrf_token=${other}`), 403)
  t.equal(await post(form, `csrf_token=${csrf}&csrf_token=${csrf}`), 403)
  for (const origin of ['https://evil.example', `${publicUrl}.evil.example`, 'http://onbehalf.example.com'])
    t.equal(await post({ ...token, origin }), 403, origin)
  t.equal(await post({ ...token, origin: 'null' }), 403)
  t.equal(await post({ ...token, origin: 'null', 'sec-fetch-site': 'cross-site' }), 403)
  const refused = await app.inject({ method: 'POST', url: '/session', headers: { cookie } })
  t.match(refused.json(), { code: 'csrf_rejected', status: 403 })
})

t.test('what a browser does not send by itself needs no csrf value', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const { cookie } = await directory.session()
  const post = { method: 'POST', url: '/any-user' } as const
  t.equal((await app.inject({ ...post, headers: directory.deviceToken() })).statusCode, 200)
  t.equal((await app.inject({ ...post, headers: { cookie, ...directory.deviceToken() } })).statusCode, 200)
  t.equal((await app.inject({ url: '/any-user', headers: { cookie } })).statusCode, 200)
})

t.test('who shows credentials that do not hold is refused after sixty, before anything is looked up', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const wrong = () => ({ authorization: `Bearer dfoa_${randomBytes(32).toString('base64url')}` })
  for (let count = 0; count < 70; count += 1) t.equal((await app.inject('/bearer')).statusCode, 401)
  for (let count = 0; count < 30; count += 1) {
    t.equal((await app.inject({ url: '/bearer', headers: wrong() })).statusCode, 401)
    t.equal((await app.inject({ url: '/session', headers: { cookie: `${sessionCookie}=x` } })).statusCode, 401)
  }
  const asked = directory.state.asked
  const refused = await app.inject({ url: '/bearer', headers: directory.deviceToken() })
  t.match(refused.json(), { code: 'too_many_requests', status: 429 })
  const seconds = Number(refused.headers['retry-after'])
  t.ok(seconds >= 1 && seconds <= 60)
  t.equal(directory.state.asked, asked)
  t.equal((await app.inject('/public')).statusCode, 200)
  const elsewhere = await app.inject({ url: '/bearer', headers: directory.deviceToken(), remoteAddress: '10.0.0.9' })
  t.equal(elsewhere.statusCode, 200)
})

t.test('somebody who may not is no guess', async (t) => {
  const { app } = await startApp(t, { routes, authenticators })
  const headers = directory.deviceToken()
  for (let count = 0; count < 61; count += 1) await app.inject({ url: '/admin', headers })
  t.equal((await app.inject({ url: '/admin', headers })).statusCode, 403)
})
