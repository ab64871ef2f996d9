import {
  at,
  type Caller,
  callerNamed,
  callTool,
  inBrowser,
  signInAs,
  story,
  textAt,
  type World,
  withToken
} from '@onbehalf/acceptance'
import { createBrowser, people, recordSecrets, signIn, startWhoami, stranger } from '@onbehalf/testkit'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const platform = await startTestPlatform(t, 'main-job')
const world: World = { platform, callers: new Map(), ids: new Map() }

type Route = { service: string; method: string; path: string; credentials: string[] }

const routesOf = async (service: string, url: string): Promise<Route[]> => {
  const described = (await createBrowser().visit(`${url}/openapi.json`)).json()
  return Object.entries(at(described, 'paths') ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods ?? {}).map(([method, operation]) => ({
      service,
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, '01890000-0000-7000-8000-000000000000'),
      credentials: [at(operation, 'security') ?? []].flat().flatMap((one) => Object.keys(one ?? {}))
    }))
  )
}

const routes = (
  await Promise.all(Object.values(platform.services).map(({ service, url }) => routesOf(service, url)))
).flat()
const publicRoutes = routes.filter(({ credentials }) => credentials.length === 0)
const guarded = routes.filter(({ credentials }) => credentials.length > 0)

for (const [index, { title, run }] of story.entries())
  await t.test(`${index + 1}. ${title}`, async (t) => {
    await t.resolves(run(world))
  })

/** How long until it holds, asked again and again; at most five seconds. */
const millisecondsUntil = async (holds: () => Promise<boolean>): Promise<number> => {
  const startedAt = Date.now()
  while (Date.now() - startedAt < 5_000) if (await holds()) return Date.now() - startedAt
  return Number.POSITIVE_INFINITY
}

const register = async (owner: Caller, name: string, server_url: string) => {
  const given = { name, server_identifier: name, server_url, icon: '🔧', icon_type: 'emoji', icon_background: '#fff' }
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  return owner.send('POST', '/v1/mcp-providers', { ...given, ...forwarding })
}

await t.test('a server registered after the sign-in is refused until the user passes /connect once more', async (t) => {
  const later = await startWhoami({ issuer: platform.idp.issuer })
  t.teardown(later.stop)
  // The first user's grant was revoked by the story; they sign in again before the new server exists.
  const user = await signInAs(platform, people.user.login)
  const gateway = new URL(platform.publicUrl)
  t.equal((await callTool(user, 'whoami', 'whoami')).status, 200, 'a new sign-in gives calls back')

  const allowed = new URL(later.url).host
  t.not(allowed, gateway.host)
  const owner = callerNamed(world, 'owner')
  await owner.send('DELETE', `/v1/mcp-providers/${world.ids.get('whoami')}`)
  const { status } = await register(owner, 'whoami-renamed', platform.whoami.url)
  t.equal(status, 201)
  t.equal((await callTool(user, 'whoami-renamed', 'whoami')).status, 200, 'the audience is the same, so is the grant')

  const refreshesBefore = platform.idp.log().refreshes_by_user[people.user.sub]
  const registered = await register(owner, 'later', `${platform.whoami.url}/later`)
  t.equal(registered.status, 201)
  const refused = await callTool(user, 'later', 'whoami')
  t.match([refused.status, refused.body.code], [428, 'resource_not_granted'])
  t.equal(
    platform.idp.log().refreshes_by_user[people.user.sub],
    refreshesBefore,
    'the IdP was not asked: asking would have burnt the refresh token'
  )

  const connectUrl = textAt(refused.body, 'connect_url')
  const page = await user.browser.visit(connectUrl)
  t.match(page.body, /later/, 'the page names the server')
  const link = /href="(\/auth\/sign-in[^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&')
  const done = await signIn(user.browser, `${platform.publicUrl}${link}`, { login: people.user.login })
  t.match(done.url, /\/connect\?.*done=true/)
  const again = await inBrowser(platform, user.browser)
  const after = await callTool(again, 'later', 'whoami')
  t.not(after.body.code, 'resource_not_granted', 'the new sign-in covers the later server')
  t.equal((await callTool(again, 'whoami-renamed', 'whoami')).status, 200, 'and still the first one')
})

await t.test('a device token stops working everywhere once its owner ends it', async (t) => {
  const terminal = callerNamed(world, 'terminal')
  t.equal((await terminal.send('GET', '/openapi/v1/account')).status, 200)
  t.equal((await terminal.send('DELETE', '/openapi/v1/account/sessions/self')).status, 204)
  const refused = async () => (await callTool(terminal, 'whoami-renamed', 'whoami')).body.code === 'invalid_bearer'
  const refusedAfter = await millisecondsUntil(refused)
  t.ok(refusedAfter < 1_000, `refused within a second (${refusedAfter} ms)`)
})

await t.test('signing out ends the session at every service', async (t) => {
  const user = await signInAs(platform, people.user.login)
  t.equal((await user.send('GET', '/v1/mcp-providers')).status, 200)
  const [cookie = ''] = (user.browser.cookies.header(new URL(platform.publicUrl)) ?? '').split('; ')
  t.equal((await user.send('POST', '/auth/sign-out')).status, 204)
  const stolen = createBrowser()
  const again = () => stolen.visit(`${platform.publicUrl}/v1/mcp-providers`, { headers: { cookie } })
  const refusedAfter = await millisecondsUntil(async () => (await again()).status === 401)
  t.ok(refusedAfter < 1_000, `a copy of the cookie is worth nothing within a second (${refusedAfter} ms)`)
  recordSecrets([cookie.slice(cookie.indexOf('=') + 1)])
})

await t.test('exactly these routes need no credential', async (t) => {
  t.same(publicRoutes.map(({ method, path }) => `${method} ${path}`).sort(), [
    'GET /auth/callback/01890000-0000-7000-8000-000000000000/01890000-0000-7000-8000-000000000000',
    'GET /auth/jwks.json',
    'GET /auth/sign-in',
    'GET /connect',
    'GET /device/',
    'GET /device/approved',
    'GET /device/denied',
    'GET /openapi/v1/oauth/device/lookup',
    'POST /openapi/v1/oauth/device/code',
    'POST /openapi/v1/oauth/device/token'
  ])
  t.ok(guarded.length >= 15, `${guarded.length} routes are guarded`)
})

const forms: Record<string, string> = {
  session: 'a cookie',
  bearer: `Bearer dfoa_${'A'.repeat(43)}`,
  api_key: `Bearer obk_${'A'.repeat(43)}`
}

await t.test('every other route refuses nobody, somebody unknown, and the wrong kind of credential', async (t) => {
  for (const { method, path, credentials } of guarded) {
    const name = `${method} ${path}`
    const body = method === 'GET' || method === 'DELETE' ? undefined : {}
    t.equal((await withToken(platform, undefined).send(method, path, body)).status, 401, `${name} without a credential`)
    for (const [kind, header] of Object.entries(forms)) {
      if (kind === 'session') continue
      const { status } = await withToken(platform, header.slice('Bearer '.length)).send(method, path, body)
      t.equal(
        status,
        401,
        `${name} with an unknown ${kind}${credentials.includes(kind) ? '' : ', which it never takes'}`
      )
    }
  }
})

await t.test('a good API key opens no route that is not for API keys', async (t) => {
  const app = withToken(platform, platform.secrets.apiKey)
  for (const { method, path, credentials } of guarded) {
    if (credentials.includes('api_key')) continue
    const { status } = await app.send(method, path, method === 'GET' || method === 'DELETE' ? undefined : {})
    t.equal(status, 401, `${method} ${path}`)
  }
})

await t.test("another tenant's owner finds nothing of ours", async (t) => {
  const greta = await signInAs(platform, stranger.login, '/auth/sign-in?tenant=globex&return_to=/auth/me')
  const owner = callerNamed(world, 'owner')
  const { body: list } = await owner.send('GET', '/v1/mcp-providers')
  const [ours] = [at(list, 'data')].flat()
  const id = textAt(ours, 'id')
  for (const [method, path, json] of [
    ['GET', `/v1/mcp-providers/${id}`],
    ['PATCH', `/v1/mcp-providers/${id}`, { name: 'theirs' }],
    ['PUT', `/v1/mcp-providers/${id}`, { name: 'theirs' }],
    ['DELETE', `/v1/mcp-providers/${id}`],
    ['POST', `/v1/mcp-providers/${id}/refresh-tools`],
    ['DELETE', `/v1/grants/${world.ids.get('grant')}`],
    ['DELETE', `/v1/grants/${world.ids.get('grant')}/tokens`]
  ] as const)
    t.equal((await greta.send(method, path, json)).status, 404, `${method} ${path}`)
  t.same(at((await greta.send('GET', '/v1/mcp-providers')).body, 'data'), [])
  t.equal((await callTool(greta, textAt(ours, 'server_identifier'), 'whoami')).status, 404)
  const app = withToken(platform, platform.secrets.apiKey)
  const gretaId = textAt((await greta.send('GET', '/auth/me')).body, 'user', 'id')
  const acting = await callTool(app, textAt(ours, 'server_identifier'), 'whoami', { user_id: gretaId })
  t.equal(acting.body.code, 'no_refresh_token', "an app of ours cannot act for another tenant's user")
})

await t.test('the gateway leads to nothing inner', async (t) => {
  for (const path of ['/inner/api/mcp/issue-token', '/healthz', '/readyz', '/metrics', '/INNER/api/mcp/issue-token'])
    t.equal((await withToken(platform, undefined).send('GET', path)).status, 404, path)
})
