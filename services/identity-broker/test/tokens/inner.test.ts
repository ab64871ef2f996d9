import { createBrowser, signIn } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { logins, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const audience = 'http://127.0.0.1:9/mcp'
const slashed = 'https://own.example/mcp/slash/'
broker.register(audience, { server_identifier: 'tools' })
broker.register(slashed, { server_identifier: 'slashed' })
const user = await signInAs(broker, logins.user)

type Asked = Record<string, unknown>
const ask = async (body: Asked, headers: Record<string, string> = { 'enterprise-api-secret-key': broker.secret }) => {
  const response = await broker.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers,
    payload: body
  })
  return { status: response.statusCode, body: response.json(), headers: response.headers }
}
const asked = { user_id: user.userId, tenant_id: broker.tenantId, app_id: '', audience }
const requestsOf = () => Object.values(broker.idp.log().by_grant_type).reduce((sum, count) => sum + count, 0)

await t.test('a token comes back with a whole number of seconds as its end, and nothing else', async (t) => {
  const { status, body } = await ask({ ...asked, user_type: 'account' })
  t.equal(status, 200)
  t.same(Object.keys(body).sort(), ['expires_at', 'token'])
  t.ok(Number.isInteger(body.expires_at) && body.expires_at > Date.now() / 1000)
  t.match(decodeJwt(body.token), { aud: audience, sub: logins.user, exp: body.expires_at })
})

await t.test('a signed token says for whom it acts: the app that is named, or else the platform', async (t) => {
  const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await database.connect()
  t.teardown(() => database.end())
  const idIn = async (table: string) => (await database.query(`select id from identity_broker.${table}`)).rows[0].id
  broker.register('http://127.0.0.1:9/signed', { server_identifier: 'signed', mode: 'signed' })
  const [app, platform] = [await idIn('app'), await idIn('installation')]
  for (const [app_id, actor] of [
    ['', platform],
    ['an app of theirs', platform],
    [app, app]
  ]) {
    const { status, body } = await ask({ ...asked, app_id, audience: 'http://127.0.0.1:9/signed' })
    t.equal(status, 200)
    t.match(decodeJwt(body.token), { sub: user.userId, client_id: actor, act: { sub: actor } })
  }
})

await t.test('every form in which the reference asks is understood', async (t) => {
  const { app_id: _, ...withoutApp } = asked
  const bodies: [string, Asked][] = [
    ['without user_type, as it was first', asked],
    ['from its console', { ...asked, user_type: 'account' }],
    ['from one of its apps', { ...asked, app_id: '0198c0de-0000-7000-8000-000000000001', user_type: 'end_user' }],
    ['without an app', withoutApp],
    ['with keys of a later version', { ...asked, call_id: 'x', context: { deep: true } }],
    ['with its own id of the tenant', { ...asked, tenant_id: 'workspace-1' }]
  ]
  for (const [name, body] of bodies) t.equal((await ask(body)).status, 200, name)
  const spelled = await ask(asked, { 'Enterprise-Api-Secret-Key': broker.secret })
  t.equal(spelled.status, 200, 'the header is not about capitals')
})

await t.test('without the right secret there is nothing here', async (t) => {
  for (const secret of [undefined, '', 'x'.repeat(43), broker.secret.slice(0, -1), `${broker.secret} `.repeat(2)]) {
    const { status, body } = await ask(asked, secret === undefined ? {} : { 'enterprise-api-secret-key': secret })
    t.match([status, body.code], [404, 'not_found'])
  }
  const asBearer = await ask(asked, { authorization: `Bearer ${broker.apiKey}` })
  t.equal(asBearer.status, 404, 'another credential is none')
})

await t.test('every refusal has its own status and word, and none of them asks the IdP', async (t) => {
  const absent = broker.userIds[logins.absent]
  const rows: [string, Asked, number, string][] = [
    ['another tenant', { tenant_id: broker.otherTenantId }, 403, 'policy_denied'],
    ['no tenant at all', { tenant_id: 'acme' }, 403, 'policy_denied'],
    ['an audience nobody registered', { audience: 'https://evil.example/mcp' }, 403, 'audience_not_allowed'],
    ['a trailing slash makes another audience', { audience: `${audience}/` }, 403, 'audience_not_allowed'],
    ['also where a pattern covers it', { audience: 'https://own.example/mcp/slash' }, 403, 'audience_not_allowed'],
    ['what only begins like a pattern', { audience: 'https://own.example/mcpx' }, 403, 'audience_not_allowed'],
    ['who never signed in', { user_id: absent }, 428, 'no_refresh_token'],
    ['a user nobody knows', { user_id: 'not-ours' }, 428, 'no_refresh_token'],
    ['a pattern of the tenant', { audience: 'https://own.example/mcp/one' }, 428, 'resource_not_granted'],
    ['no audience', { audience: undefined }, 400, 'invalid_request'],
    ['a kind of user the reference does not have', { user_type: 'robot' }, 400, 'invalid_request']
  ]
  const before = requestsOf()
  for (const [name, change, status, code] of rows) {
    const answer = await ask({ ...asked, ...change })
    t.match([answer.status, answer.body.code], [status, code], name)
    if (status === 428) t.match(answer.body.connect_url, `${broker.publicUrl}/connect?link=`)
  }
  t.equal(requestsOf(), before)
})

await t.test(
  'a server that is allowed by a pattern is agreed to at its connect_url, and then has its token',
  async (t) => {
    const own = 'https://own.example/mcp/one'
    const refused = await ask({ ...asked, audience: own })
    const page = await user.browser.visit(refused.body.connect_url)
    t.match(page.body, /<h1>platform wants to act as you<\/h1>\s*<p>This platform asked to use a tool server as you/)
    t.match(page.body, /<dd>https:\/\/own\.example\/mcp\/one<\/dd>/)
    const link = /href="(\/auth\/sign-in[^"]*)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
    await signIn(user.browser, new URL(link, broker.publicUrl), { login: logins.user })
    const { status, body } = await ask({ ...asked, audience: own })
    t.equal(status, 200)
    t.equal(decodeJwt(body.token).aud, own)
    t.equal((await ask(asked)).status, 200, 'what was agreed to before still holds')
  }
)

await t.test('the link for a user nobody knows names the platform, while it speaks for the tenant', async (t) => {
  const { body } = await ask({ ...asked, user_id: 'theirs-1' })
  const fresh = createBrowser()
  t.match((await fresh.visit(body.connect_url)).body, 'platform wants to act as you')
  const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await database.connect()
  t.teardown(() => database.end())
  const moveTo = (tenantId: string) =>
    database.query('update identity_broker.installation_tenant set tenant_id = $1', [tenantId])
  await moveTo(broker.otherTenantId)
  const page = await fresh.visit(body.connect_url)
  t.equal(page.status, 404)
  t.notMatch(page.body, 'platform wants')
  await moveTo(broker.tenantId)
})

await t.test('a link does not make anybody agree to what the tenant does not allow', async (t) => {
  const evil = 'https://evil.example/mcp'
  const link = `${broker.publicUrl}/auth/sign-in?tenant=acme&audience=${encodeURIComponent(evil)}`
  const { headers } = await user.browser.visit(link, { follow: false })
  const asked = new URL(String(headers.location)).searchParams.getAll('resource')
  t.ok(asked.includes(audience))
  t.notOk(asked.includes(evil))
})

await t.test('an audience that differs in the slash at the end is told how to be written, in its tenant', async (t) => {
  broker.register('https://theirs.example/mcp', { tenant_id: broker.otherTenantId })
  for (const [given, registered] of [
    [`${audience}/`, audience],
    ['https://own.example/mcp/slash', slashed]
  ]) {
    const message = `differs from a registered server of this tenant in the slash at the end; write it as "${registered}"`
    t.match((await ask({ ...asked, audience: given })).body, {
      message: `No token is given for this audience: it ${message}.`,
      details: [{ path: 'audience', message }]
    })
  }
  for (const unknown of ['https://theirs.example/mcp/', `${audience}//`]) {
    const { body } = await ask({ ...asked, audience: unknown })
    t.match(body.details, [{ message: 'is neither a registered server of this tenant nor allowed by a pattern' }])
    t.notMatch(JSON.stringify(body), 'theirs.example')
  }
})

await t.test('what the IdP rejects is 401, and an IdP that is away 503 with Retry-After', async (t) => {
  const second = await signInAs(broker, logins.second)
  broker.idp.controls.failTokenEndpoint('503', 1)
  const away = await ask({ ...asked, user_id: second.userId })
  t.match([away.status, away.body.code], [503, 'identity_provider_unavailable'])
  t.ok(Number(away.headers['retry-after']) > 0)
  const owner = await signInAs(broker, logins.owner)
  broker.idp.revokeGrantsOf(logins.owner)
  const rejected = await ask({ ...asked, user_id: owner.userId })
  t.match([rejected.status, rejected.body.code], [401, 'identity_refresh_rejected'])
})
