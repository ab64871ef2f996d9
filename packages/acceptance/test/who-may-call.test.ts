import { askInner, at, type Caller, callTool, expectSame, signInAs, textAt, withToken } from '@onbehalf/acceptance'
import { people, stranger } from '@onbehalf/testkit'
import t from 'tap'
import { credentialsOf, forgeriesOf } from './credentials.ts'
import { startTestPlatform } from './platform.ts'
import { ask, type Credential, hasParameter, isInner, nameOf, type Route, routesOf } from './routes.ts'
import { rowsOf, settledRowsOf } from './rows.ts'
import { type TenantObject, tenantObjects } from './tenant-objects.ts'

// Rows are compared, which listening to servers writes to.
const platform = await startTestPlatform(t, 'who-may-call', { watchesMax: 0 })
const { secrets, whoami } = platform
const routes = await routesOf(platform)
const guarded = routes.filter(({ credentials }) => credentials.length > 0)
const isRemoval = ({ method }: Route): number => Number(method === 'DELETE')
const withParameter = guarded.filter(hasParameter).sort((one, other) => isRemoval(one) - isRemoval(other))

const registerWhoami = async ({ send }: Caller): Promise<void> => {
  const icon = { icon: '🔧', icon_type: 'emoji', icon_background: '#fff' }
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  const given = { name: 'Whoami', server_identifier: 'whoami', server_url: whoami.url, ...icon, ...forwarding }
  expectSame('registering whoami', (await send('POST', '/v1/mcp-providers', given)).status, 201)
}

const owner = await signInAs(platform, people.owner.login)
await registerWhoami(owner)
const acme = { platform, owner }
const good: Record<string, Credential> = {
  ...(await credentialsOf(platform, owner)),
  api_key: { authorization: `Bearer ${secrets.apiKey}` },
  inner: { 'enterprise-api-secret-key': secrets.installationSecret }
}
const forged = forgeriesOf(platform, owner)

const greta = await signInAs(platform, stranger.login, '/auth/sign-in?tenant=globex&return_to=/auth/me')
const theirs = await credentialsOf(platform, greta)

/** A refusal that says nothing: at the inner listener not even that there is something. */
const refusedBy = (route: Route): number => (isInner(route) ? 404 : 401)

const objectOf = (route: Route): TenantObject => {
  const { path } = route
  const object = tenantObjects[nameOf(route)] ?? tenantObjects[path]
  if (object) return object
  throw new Error(`${path} has a parameter: say in tenant-objects.ts how a real one is made`)
}

const withoutRequest = (body: string): string => body.replace(/"request_id":"\w+"/, '')

await t.test('exactly these routes need no credential', async (t) => {
  t.same(
    routes
      .filter(({ credentials }) => credentials.length === 0)
      .map(nameOf)
      .sort(),
    [
      'GET /.well-known/oauth-authorization-server/t/{tenant}',
      'GET /auth/allowed',
      'GET /auth/callback/{tenant}/{connection}',
      'GET /auth/connections/{tenant}/{connection}/jwks.json',
      'GET /auth/invitations/accepted',
      'GET /auth/invitations/{token}',
      'GET /auth/jwks.json',
      'GET /auth/renew',
      'GET /auth/saml/complete',
      'GET /auth/saml/{tenant}/{connection}/metadata',
      'GET /auth/sign-in',
      'GET /auth/sign-out',
      'GET /auth/signed-out',
      'GET /connect',
      'GET /console/api/mcp/oauth/callback',
      'GET /device',
      'GET /device/approved',
      'GET /device/choose',
      'GET /device/denied',
      'GET /device/format-code.js',
      'GET /device/revoke',
      'GET /device/sso',
      'GET /oauth/callback',
      'GET /oauth/callback/{issuer}',
      'GET /oauth/client.json',
      'GET /oauth/connect/{id}',
      'GET /oauth/tenants/{id}/jwks.json',
      'GET /openapi/v1/oauth/device/approval-context',
      'GET /openapi/v1/oauth/device/lookup',
      'GET /openapi/v1/oauth/device/sso-complete',
      'GET /openapi/v1/oauth/device/sso-initiate',
      'GET /t/{tenant}/.well-known/jwks.json',
      'GET /t/{tenant}/.well-known/openid-configuration',
      'GET /v1/device/sso-complete',
      'GET /v1/oauth/device/approval-context',
      'GET /v1/oauth/device/lookup',
      'GET /v1/oauth/device/sso-complete',
      'GET /v1/oauth/device/sso-initiate',
      'POST /auth/back-channel-logout/{tenant}/{connection}',
      'POST /auth/saml/{tenant}/{connection}/acs',
      'POST /device/continue',
      'POST /device/revoke',
      'POST /device/sso/decide',
      'POST /openapi/v1/oauth/device/approve-external',
      'POST /openapi/v1/oauth/device/code',
      'POST /openapi/v1/oauth/device/deny-external',
      'POST /openapi/v1/oauth/device/token',
      'POST /v1/oauth/device/approve-external',
      'POST /v1/oauth/device/code',
      'POST /v1/oauth/device/deny-external',
      'POST /v1/oauth/device/token'
    ]
  )
  t.ok(guarded.length >= 15, `${guarded.length} routes are guarded`)
})

await t.test('every route refuses nobody, somebody unknown and a good credential of another kind', async (t) => {
  const made = new Map<TenantObject['make'], Record<string, string>>()
  for (const { make } of withParameter.map(objectOf)) if (!made.has(make)) made.set(make, await make(acme))
  const before = await settledRowsOf(platform)
  for (const route of guarded) {
    const { make, body } = hasParameter(route) ? objectOf(route) : {}
    const real = { ids: (make && made.get(make)) ?? {}, body }
    const others = Object.entries(good).filter(([kind]) => !route.credentials.includes(kind))
    const all = [['nothing', {}] as const, ...Object.entries(forged), ...others]
    for (const [name, credential] of all) {
      const { status } = await ask(route, { ...real, credential })
      t.equal(status, refusedBy(route), `${nameOf(route)} with ${name}`)
    }
    for (const kind of route.credentials) t.ok(good[kind], `there is a good ${kind} to try elsewhere`)
  }
  t.same(await rowsOf(platform), before, 'and nothing was done: no row of any service has changed')
})

await t.test('each of those credentials is good where it belongs', async (t) => {
  const app = withToken(platform, secrets.apiKey)
  t.equal((await owner.send('GET', '/auth/me')).status, 200)
  const [account] = guarded.filter((route) => nameOf(route) === 'GET /openapi/v1/account')
  t.equal(account && (await ask(account, { credential: good.bearer ?? {} })).status, 200)
  t.equal((await app.send('POST', '/v1/tools/call', {})).status, 400, 'the key is taken, and the body looked at')
})

await t.test("another tenant's owner finds nothing of ours by its id, and our owner does", async (t) => {
  for (const route of withParameter) {
    const kind = Object.keys(theirs).find((one) => route.credentials.includes(one)) ?? 'none'
    const { make, body, status: expected } = objectOf(route)
    const real = { ids: await make(acme), body }
    const refused = await ask(route, { ...real, credential: theirs[kind] ?? {} })
    t.match([refused.status, refused.body], [404, /"code":"not_found"/], `${nameOf(route)} by theirs`)
    const unknown = await ask(route, { body, credential: theirs[kind] ?? {} })
    t.equal(withoutRequest(unknown.body), withoutRequest(refused.body), 'as if there were no such thing')
    const { status } = await ask(route, { ...real, credential: good[kind] ?? {} })
    t.ok(expected ? status === expected : status < 300, `${nameOf(route)} by ours is ${status}`)
  }
})

await t.test("another tenant's owner finds nothing of ours by its name, and lists only their own", async (t) => {
  const [ours] = [at((await owner.send('GET', '/v1/mcp-providers')).body, 'data')].flat()
  const identifier = textAt(ours, 'server_identifier')
  t.same(at((await greta.send('GET', '/v1/mcp-providers')).body, 'data'), [])
  t.equal((await callTool(greta, identifier, 'whoami')).status, 404)
  const app = withToken(platform, secrets.apiKey)
  const gretaId = textAt((await greta.send('GET', '/auth/me')).body, 'user', 'id')
  const acting = await callTool(app, identifier, 'whoami', { user_id: gretaId })
  t.equal(acting.body.code, 'no_refresh_token', "an app of ours cannot act for another tenant's user")
})

await t.test("an installation gets no token for another tenant's user", async (t) => {
  t.same(routes.filter(isInner).map(nameOf), ['POST /inner/api/mcp/issue-token'])
  await registerWhoami(greta)
  const again = await signInAs(platform, stranger.login, '/auth/sign-in?tenant=globex&return_to=/auth/me')
  t.equal((await callTool(again, 'whoami', 'whoami')).status, 200, 'there is a token to be had')
  const { body: me } = await again.send('GET', '/auth/me')
  const asked = { userId: textAt(me, 'user', 'id'), audience: whoami.url }

  // 403 as RFC 6749's unauthorized_client: the installation is known, and what it may do is not for this tenant.
  const refused = await askInner({ ...platform, tenantId: textAt(me, 'tenant', 'id') }, asked)
  t.match([refused.status, refused.body.code], [403, 'policy_denied'])
  const unknown = await askInner({ ...platform, tenantId: '01890000-0000-7000-8000-000000000000' }, asked)
  t.same([unknown.status, unknown.body.message], [403, refused.body.message], 'as if there were no such tenant')
  const mixed = await askInner(platform, asked)
  t.match([mixed.status, mixed.body.code], [428, 'no_refresh_token'], 'nor under our own name')
  await signInAs(platform, people.user.login)
  const ours = await askInner(platform, { ...asked, userId: platform.userIds[people.user.sub] ?? '' })
  t.equal(ours.status, 200, 'its own user it may ask for')
})
