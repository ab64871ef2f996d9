import { randomBytes, randomUUID } from 'node:crypto'
import { createBrowser, eventually, recordSecrets, untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { listenToChanges, logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const elsewhere = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port, elsewhere.port] })
const send = apiOf(broker)
const url = '/v1/connections'
broker.register('http://127.0.0.1:9/mcp', { server_identifier: 'tools' })
const owner = await signInAs(broker, logins.owner)
const admin = await signInAs(broker, logins.second)
const member = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const all = async (sql: string, values: unknown[] = []) => (await database.query(sql, values)).rows
await all("update identity_broker.member set role = 'admin' where user_id = $1", [admin.userId])

const newSecret = () => {
  const text = `s${randomBytes(18).toString('base64url')}`
  recordSecrets([text])
  return text
}
const secret = newSecret()
let made = 0
const fresh = (given: object = {}) => {
  made += 1
  return { name: `idp-${made}`, issuer: idp.issuer, client_id: 'onbehalf', client_secret: secret, ...given }
}
const create = async (given: object = {}, who: SignedIn = owner) => send(who, 'POST', url, fresh(given))
const count = async (table: string) => Number((await all(`select count(*) from identity_broker.${table}`))[0].count)

/** Somebody who signs in by a connection of the played IdP. */
const signInBy = async (name: string) => {
  const browser = createBrowser()
  const start = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`
  const page = await browser.visit(start)
  return { browser, status: page.status, body: page.body, me: page.status === 200 ? JSON.parse(page.body) : undefined }
}
const grantsOf = (connectionId: string) =>
  all('select id, dead_reason, refresh_token from identity_broker."grant" where connection_id = $1', [connectionId])

const feed = await listenToChanges(t, broker)

await t.test('owners and admins manage the connections of their own tenant, and nobody else does', async (t) => {
  const { body } = await create()
  const at = `${url}/${body.id}`
  const routes = [
    ['POST', url, fresh()],
    ['GET', url, undefined],
    ['GET', at, undefined],
    ['PATCH', at, { rotating: false }],
    ['DELETE', at, undefined]
  ] as const
  for (const [method, path, given] of routes) {
    t.equal((await send(member, method, path, given)).status, 403, `${method} ${path} as a member`)
    if (path !== url) {
      const { status, body: told } = await send(stranger, method, path, given)
      const unknown = await send(stranger, method, `${url}/${randomUUID()}`, given)
      t.match([status, told.message], [404, unknown.body.message], `${method} ${path} from another tenant`)
    }
  }
  const cookieOnly = await owner.browser.visit(`${broker.publicUrl}${at}`, { method: 'DELETE' })
  t.equal(cookieOnly.status, 403, 'a cookie alone changes nothing')
  t.equal((await create({}, admin)).status, 201)
  t.equal((await send(admin, 'PATCH', at, { rotating: false })).body.rotating, false)
  t.equal((await send(admin, 'DELETE', at)).status, 204)
  t.equal((await send(owner, 'GET', at)).status, 404)
  t.same(
    (await send(stranger, 'GET', url)).body.data.map(({ name }: { name: string }) => name),
    ['sso']
  )
})

await t.test('a new connection shows what to register, hides its secret, and people sign in by it', async (t) => {
  const { status, body } = await create({ scopes: 'openid offline_access' })
  t.equal(status, 201)
  t.match(body, {
    kind: 'oidc',
    issuer: idp.issuer,
    token_endpoint: `${idp.issuer}/token`,
    client_authentication: 'basic',
    resource_support: 'many',
    rotating: true,
    quirks: [],
    revision: 1,
    callback_url: `${broker.publicUrl}/auth/callback/acme/${body.name}`,
    back_channel_logout_url: `${broker.publicUrl}/auth/back-channel-logout/acme/${body.name}`,
    post_logout_redirect_url: `${broker.publicUrl}/auth/signed-out`,
    client_secret: `${secret.slice(0, 2)}${'*'.repeat(secret.length - 4)}${secret.slice(-2)}`
  })
  t.equal((await signInBy(body.name)).me.user.email, 'ann@acme.test')
  const [row] = await all('select c::text as text from identity_broker.connection c where id = $1', [body.id])
  t.notMatch(row.text, secret)
  t.notMatch(row.text, Buffer.from(secret).toString('hex'))
  t.equal((await send(owner, 'POST', url, fresh({ name: body.name }))).status, 409)
})

await t.test('left out stays, null clears, and the mask written back keeps the secret', async (t) => {
  const { body } = await create({ quirks: ['assertion_for_token_endpoint'] })
  const at = `${url}/${body.id}`
  const basic = `Basic ${Buffer.from(`onbehalf:${secret}`).toString('base64')}`
  for (const change of [{ client_secret: body.client_secret }, { scopes: 'openid' }, {}]) {
    t.equal((await send(owner, 'PATCH', at, change)).status, 200)
    idp.seen.length = 0
    await signInBy(body.name)
    t.equal(idp.seenAt('/token')[0]?.authorization, basic)
  }
  t.match((await send(owner, 'GET', at)).body, {
    quirks: ['assertion_for_token_endpoint'],
    scopes: 'openid',
    revision: 2
  })
  t.same((await send(owner, 'PATCH', at, { quirks: null })).body.quirks, [])
  const cleared = await send(owner, 'PATCH', at, { client_secret: null })
  t.match([cleared.status, cleared.body.details], [400, [{ path: 'client_secret' }]])
  const open = await send(owner, 'PATCH', at, { client_authentication: 'none', client_secret: null })
  t.match(open.body, { client_authentication: 'none', client_secret: null })
})

await t.test('pages are walked by their cursor', async (t) => {
  const { body: first } = await send(owner, 'GET', `${url}?limit=1`)
  const { body: second } = await send(owner, 'GET', `${url}?limit=1&cursor=${first.next_cursor}`)
  t.ok(first.data.length === 1 && second.data.length === 1)
  t.not(first.data[0].id, second.data[0].id)
})

await t.test('bad input is a 400 that names the field, and nothing is stored', async (t) => {
  const oauth2 = { kind: 'oauth2', authorization_endpoint: `${idp.issuer}/auth`, scopes: 'read' }
  const rows: [string, object][] = [
    ['name', { name: 'Upper' }],
    ['name', { name: '../x' }],
    ['issuer', { issuer: undefined }],
    ['issuer', { issuer: 'acme.example' }],
    ['issuer', { issuer: 'javascript:alert(1)' }],
    ['issuer', { issuer: `${idp.issuer}/` }],
    ['issuer', { issuer: `${idp.issuer}?tenant=1` }],
    ['issuer', { issuer: `${idp.issuer}/other` }],
    ['issuer', { issuer: 'https://user:password@acme.example' }],
    ['issuer', { issuer: 'https://10.0.0.7' }],
    ['issuer', { issuer: 'https://169.254.169.254/latest' }],
    ['issuer', { issuer: 'https://[::1]' }],
    ['issuer', { issuer: 'https://2130706433' }],
    ['issuer', { issuer: 'http://127.0.0.1:1' }],
    ['issuer', { issuer: `http://localhost:${broker.backends.nats.port}` }],
    ['issuer', { issuer: 'http://93.184.216.34' }],
    ['issuer', { issuer: 'https://does-not-exist.invalid' }],
    ['client_id', { client_id: '' }],
    ['client_id', { client_id: 'a\nb' }],
    ['client_secret', { client_secret: undefined }],
    ['client_secret', { client_secret: 'a\u0000' }],
    ['client_secret', { client_authentication: 'none' }],
    ['client_authentication', { client_authentication: 'tls' }],
    ['scopes', { scopes: 'email' }],
    ['scopes', { scopes: 'openid  email' }],
    ['quirks.0', { quirks: ['anything'] }],
    ['token_endpoint', { token_endpoint: `${idp.issuer}/token` }],
    ['claims', { claims: { subject: 'id' } }],
    ['kind', { kind: 'ldap' }],
    ['tenant_id', { tenant_id: broker.otherTenantId }],
    ['token_endpoint', { ...oauth2, userinfo_endpoint: `${idp.issuer}/userinfo` }]
  ]
  const before = await count('connection')
  for (const [path, given] of rows) {
    const { status, body } = await create(given)
    t.match([status, body.code, body.details?.[0]?.path], [400, 'invalid_request', path], JSON.stringify(given))
    t.notMatch(JSON.stringify(body), secret)
  }
  t.equal(await count('connection'), before)
})

await t.test(
  'a discovery document that is not what it should be names the issuer, and nothing is stored',
  async (t) => {
    const good = { ...idp.metadata }
    const path = '/.well-known/openid-configuration'
    const answers: [string, { status?: number; body: unknown; headers?: Record<string, string> }, RegExp][] = [
      ['another issuer', { body: { ...good, issuer: 'https://evil.example' } }, /evil\.example/],
      ['a slash more', { body: { ...good, issuer: `${idp.issuer}/` } }, /slash at the end/],
      ['no endpoint', { body: { ...good, token_endpoint: undefined } }, /token_endpoint/],
      ['an inner endpoint', { body: { ...good, token_endpoint: 'https://10.0.0.7/token' } }, /token_endpoint may not/],
      ['inner keys', { body: { ...good, jwks_uri: 'http://169.254.169.254/jwks' } }, /jwks_uri may not/],
      ['a script', { body: { ...good, authorization_endpoint: 'javascript:alert(1)' } }, /authorization_endpoint/],
      ['nothing', { status: 404, body: '' }, /404/],
      ['no JSON', { body: '<html>' }, /not JSON/],
      ['a list', { body: [] }, /discovery document/],
      ['elsewhere', { status: 302, body: '', headers: { location: `${elsewhere.issuer}${path}` } }, /302/],
      ['too much', { body: { ...good, more: 'x'.repeat(300_000) } }, /more than/],
      ['too deep', { body: `{"issuer":"${idp.issuer}","a":${'['.repeat(9_000)}${']'.repeat(9_000)}}` }, /nested/]
    ]
    const before = await count('connection')
    for (const [name, answer, words] of answers) {
      idp.answers.set(path, answer)
      const { status, body } = await create()
      t.match([status, body.details?.[0]], [400, { path: 'issuer', message: words }], name)
    }
    idp.answers.delete(path)
    t.equal(await count('connection'), before)
  }
)

await t.test('who changes where a connection leads gives the secret anew, and every grant ends', async (t) => {
  const changes: [string, object][] = [
    ['issuer', { issuer: elsewhere.issuer, client_secret: newSecret() }],
    ['client_id', { client_id: 'another' }],
    ['both', { issuer: elsewhere.issuer, client_id: 'another', client_authentication: 'none', client_secret: null }]
  ]
  for (const [name, change] of changes) {
    const { body } = await create()
    const at = `${url}/${body.id}`
    await signInBy(body.name)
    const [grant] = await grantsOf(body.id)
    t.equal(grant.dead_reason, null)
    for (const kept of [{}, { client_secret: body.client_secret }]) {
      const { status, body: told } = await send(owner, 'PATCH', at, { issuer: elsewhere.issuer, ...kept })
      t.match([status, told.details], [400, [{ path: 'client_secret', message: /anew/ }]])
    }
    t.same(await grantsOf(body.id), [grant], 'a refused change changes nothing')
    await feed.forget()
    elsewhere.seen.length = 0
    t.equal((await send(owner, 'PATCH', at, change)).status, 200, name)
    t.match(await grantsOf(body.id), [{ dead_reason: 'connection_changed', refresh_token: null }])
    await eventually(
      async () => feed.said.length,
      (length) => length >= 2
    )
    t.same(feed.said, [`connection:${body.id}`, `grant:${grant.id}`])
    t.ok(elsewhere.seen.every(({ form, authorization }) => form.size === 0 && authorization === undefined))
  }
})

await t.test('a sign-in under way when its connection is changed stores nothing', async (t) => {
  const { body } = await create()
  const browser = createBrowser()
  const start = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${body.name}&return_to=/auth/me`
  const atCallback = await browser.visit(start, { follow: (to) => !to.pathname.startsWith('/auth/callback') })
  await send(owner, 'PATCH', `${url}/${body.id}`, { client_id: 'another' })
  const late = await browser.visit(String(atCallback.headers.location))
  t.match([late.status, late.body], [400, /changed meanwhile/])
  t.same(await grantsOf(body.id), [])
})

await t.test('an admin does not decide which identity provider says who an owner is', async (t) => {
  const { body: main } = await send(owner, 'GET', `${url}?limit=1`)
  const at = `${url}/${main.data[0].id}`
  t.equal(main.data[0].name, 'sso')
  const taken = await send(admin, 'PATCH', at, { issuer: idp.issuer, client_secret: secret })
  t.match([taken.status, taken.body.code], [403, 'forbidden'])
  t.equal((await send(admin, 'DELETE', at)).status, 403)
  for (const quirk of ['no_nonce', 'no_iss_parameter', 'opaque_tokens_are_bound'])
    t.equal((await send(admin, 'PATCH', at, { quirks: [quirk] })).status, 403, `${quirk}, which believes more`)
  t.equal((await send(admin, 'PATCH', at, { client_id: 'another', client_secret: secret })).status, 403, 'client_id')
  t.equal((await send(admin, 'PATCH', at, { rotating: true })).status, 200, 'the rest they may change')
  const plainOnes = {
    ...{ kind: 'oauth2', scopes: 'read', issuer: undefined, authorization_endpoint: `${idp.issuer}/auth` },
    ...{ token_endpoint: `${idp.issuer}/token`, userinfo_endpoint: `${idp.issuer}/userinfo` }
  }
  const { body: plain } = await create(plainOnes)
  const { me } = await signInBy(plain.name)
  await all("insert into identity_broker.member (tenant_id, user_id, role) values ($1, $2, 'owner')", [
    ...[broker.tenantId, me.user.id]
  ])
  const endpoints = ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'revocation_endpoint']
  for (const name of endpoints) {
    const change = { [name]: `${elsewhere.issuer}/${name}`, client_secret: secret }
    t.equal((await send(admin, 'PATCH', `${url}/${plain.id}`, change)).status, 403, name)
  }
  t.equal((await send(owner, 'DELETE', `${url}/${plain.id}`)).status, 204)
  const { body: own } = await create({}, admin)
  const moved = { issuer: elsewhere.issuer, client_secret: secret }
  t.equal((await send(admin, 'PATCH', `${url}/${own.id}`, moved)).status, 200, 'nobody of rank signs in by it')
})

await t.test('a deleted connection takes its users along, and leaves an owner', async (t) => {
  const { body } = await create()
  const { browser, me } = await signInBy(body.name)
  const [grant] = await grantsOf(body.id)
  await feed.forget()
  t.equal((await send(owner, 'DELETE', `${url}/${body.id}`)).status, 204)
  t.equal((await browser.visit(`${broker.publicUrl}/auth/me`)).status, 401, 'their session is over')
  t.same(await all('select id from identity_broker."user" where id = $1', [me.user.id]), [])
  t.same(await grantsOf(body.id), [])
  await eventually(
    async () => feed.said.length,
    (length) => length >= 4
  )
  t.match(feed.said, [`connection:${body.id}`, `grant:${grant.id}`, /^session:/, `user:${me.user.id}`])
  t.equal((await signInBy(body.name)).status, 404)
  const { body: main } = await send(owner, 'GET', `${url}?limit=1`)
  const last = await send(owner, 'DELETE', `${url}/${main.data[0].id}`)
  t.match([last.status, last.body.code], [409, 'conflict'], 'the last owners sign in by it')
})

await t.test('two who change it at once do not overwrite each other', async (t) => {
  const { body } = await create()
  const holder = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await holder.connect()
  await holder.query('begin; select from identity_broker.connection for update')
  const both = Promise.all(
    ['openid email', 'openid'].map((scopes) => send(owner, 'PATCH', `${url}/${body.id}`, { scopes }))
  )
  await untilLocked(database, 2)
  await holder.query('commit')
  await holder.end()
  t.same((await both).map(({ status }) => status).sort(), [200, 409])
})

await t.test('every change is on record, without a secret', async (t) => {
  const { body } = await create()
  await send(owner, 'PATCH', `${url}/${body.id}`, { client_id: 'another', client_secret: newSecret() })
  await send(owner, 'DELETE', `${url}/${body.id}`)
  const { body: page } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${body.id}`)
  t.match(page.data, [
    { action: 'connection.deleted', details: { users: 0 } },
    { action: 'connection.updated', details: { fields: ['client_id', 'client_secret'], grants_ended: 0 } },
    { action: 'connection.created', actor: { kind: 'user', id: owner.userId } }
  ])
  t.notMatch(JSON.stringify(page.data), /another|\*\*/)
})
