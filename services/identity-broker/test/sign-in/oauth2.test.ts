import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, randomPassword, recordSecrets, until, untilLocked } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const elsewhere = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port, elsewhere.port] })
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const audience = 'http://127.0.0.1:9/mcp'
const provider = broker.register(audience, { server_identifier: 'tools' })
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const countOf = async (table: string) =>
  Number((await database.query(`select count(*) from identity_broker.${table}`)).rows[0].count)
const grantsOf = async (connectionId: string) =>
  (await database.query('select * from identity_broker."grant" where connection_id = $1', [connectionId])).rows

const client_secret = randomPassword()
recordSecrets([client_secret])
let made = 0
const given = (change: object = {}) => {
  made += 1
  return {
    ...{ name: `plain-${made}`, kind: 'oauth2', client_id: 'onbehalf', client_secret, scopes: 'read:user' },
    authorization_endpoint: `${idp.issuer}/auth`,
    token_endpoint: `${idp.issuer}/token`,
    userinfo_endpoint: `${idp.issuer}/userinfo`,
    ...change
  }
}
const create = (change: object = {}) => send(owner, 'POST', '/v1/connections', given(change))
const signInBy = async (name: string) => {
  const browser = createBrowser()
  const start = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`
  const { status, body } = await browser.visit(start)
  return { status, body, user: status === 200 ? JSON.parse(body).user : undefined }
}
const issueFor = async (user_id: string, server = provider) => {
  const within = { deadlineAt: Date.now() + 20_000 }
  const resolved = await call(broker.bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id }, within)
  const ticket = await broker.mcpProvider.ticketFor(server)
  return call(broker.bus, issueToken, { principal: resolved.ticket, provider: ticket }, within)
}
/** What the token endpoint answers a refresh with; the access token is `claims` as a JWT, or opaque. */
const answerRefresh = (access: () => Promise<string>) =>
  idp.answers.set('/token', {
    body: async () => {
      const [access_token, refresh_token] = [await access(), `refresh-${randomPassword()}`]
      recordSecrets([access_token, refresh_token])
      return { access_token, token_type: 'Bearer', expires_in: 300, refresh_token }
    }
  })

await t.test('userinfo says who signed in, with PKCE and without an ID token', async (t) => {
  const { body: connection } = await create({ claims: { subject: 'id', email: 'contact.email', email_verified: 'ok' } })
  t.match(connection, { kind: 'oauth2', issuer: idp.issuer, resource_support: 'none', revocation_endpoint: null })
  const signOut = { back_channel_logout_url: null, post_logout_redirect_url: null }
  t.match(connection, signOut, 'nothing is to be registered that only OpenID Connect has')
  idp.answers.set('/userinfo', { body: { id: 4711, contact: { email: 'ann@acme.test' }, ok: true, name: 'Ann' } })
  // An ID token that nobody could check is not looked at.
  idp.claims = { iss: 'https://evil.example', email: 'olivia@acme.test' }
  idp.seen.length = 0
  const { user } = await signInBy(connection.name)
  t.match(user, { email: 'ann@acme.test', name: 'Ann' })
  const { rows } = await database.query('select * from identity_broker."user" where id = $1', [user.id])
  t.match(rows[0], { subject: '4711', is_email_verified: true, connection_id: connection.id })
  t.match([idp.asked.get('code_challenge_method'), idp.asked.get('nonce')], ['S256', null])
  t.same(idp.asked.getAll('resource'), [])
  t.ok(idp.seenAt('/token')[0]?.form.get('code_verifier'))
  t.match(idp.seenAt('/userinfo')[0]?.authorization, /^Bearer access-/)
  t.equal((await grantsOf(connection.id)).length, 1)
  idp.claims = {}
})

await t.test('userinfo that does not say it signs nobody in, and nothing is stored', async (t) => {
  const { body: connection } = await create()
  const before = [await countOf('"user"'), await countOf('session'), await countOf('"grant"')]
  const answers: Record<string, { status?: number; body: unknown; headers?: Record<string, string> }> = {
    'no subject': { body: { email: 'ann@acme.test' } },
    'an empty subject': { body: { sub: '' } },
    'a subject without end': { body: { sub: 'x'.repeat(300) } },
    'a subject that is an object': { body: { sub: { id: 1 } } },
    'a number nobody can tell apart': { body: '{"sub": 9007199254740993}' },
    'a list': { body: ['ann'] },
    text: { body: '"ann"' },
    'not JSON': { body: '<html>' },
    'too much': { body: { sub: 'ann', more: 'x'.repeat(300_000) } },
    'too deep': { body: `{"sub":"ann","a":${'['.repeat(9_000)}${']'.repeat(9_000)}}` },
    'a refusal': { status: 401, body: { error: 'invalid_token' } },
    elsewhere: { status: 302, body: '', headers: { location: `${elsewhere.issuer}/userinfo` } }
  }
  for (const [name, answer] of Object.entries(answers)) {
    idp.answers.set('/userinfo', answer)
    const { status, body } = await signInBy(connection.name)
    t.match([status, body], [400, /sign_in_failed/], name)
  }
  idp.answers.delete('/userinfo')
  t.same([await countOf('"user"'), await countOf('session'), await countOf('"grant"')], before)
  t.same(elsewhere.seen, [], 'the access token went nowhere else')
})

await t.test('what the provider refuses is shown as text, and not without end', async (t) => {
  const { body: connection } = await create()
  const error_description = `<script>alert(1)</script> ${'x'.repeat(3_000)}`
  idp.answers.set('/auth', { body: { error: 'access_denied', error_description } })
  const { status, body } = await signInBy(connection.name)
  idp.answers.delete('/auth')
  t.match([status, body], [400, /access_denied \(&lt;script&gt;/])
  t.notMatch(body, /<script|x{300}/)
  idp.answers.set('/auth', { body: { code: 'a-code', iss: 'https://evil.example' } })
  t.match((await signInBy(connection.name)).status, 400, 'RFC 9207: it names itself as somebody else')
  idp.answers.delete('/auth')
})

await t.test('its endpoints are given, and may be called', async (t) => {
  const inner = 'https://10.0.0.7/x'
  const rows: [string, object][] = [
    ['authorization_endpoint', { authorization_endpoint: undefined }],
    ['token_endpoint', { token_endpoint: undefined }],
    ['userinfo_endpoint', { userinfo_endpoint: undefined }],
    ['token_endpoint', { token_endpoint: inner }],
    ['userinfo_endpoint', { userinfo_endpoint: 'http://93.184.216.34/me' }],
    ['revocation_endpoint', { revocation_endpoint: inner }],
    ['authorization_endpoint', { authorization_endpoint: 'javascript:alert(1)' }],
    ['authorization_endpoint', { authorization_endpoint: 'http://93.184.216.34/auth' }],
    ['issuer', { issuer: 'x' }],
    ['claims.subject', { claims: { subject: '' } }],
    ['claims.sub', { claims: { sub: 'id' } }]
  ]
  const before = await countOf('connection')
  for (const [path, change] of rows) {
    const { status, body } = await create(change)
    t.match([status, body.details?.[0]?.path], [400, path], JSON.stringify(change))
  }
  t.equal(await countOf('connection'), before)
})

await t.test('another token or revocation endpoint ends the grants, and needs the secret anew', async (t) => {
  for (const change of [
    { token_endpoint: `${elsewhere.issuer}/token` },
    { revocation_endpoint: `${elsewhere.issuer}/revoke` },
    { issuer: elsewhere.issuer }
  ]) {
    const { body: connection } = await create()
    await signInBy(connection.name)
    const at = `/v1/connections/${connection.id}`
    const refused = await send(owner, 'PATCH', at, change)
    t.match([refused.status, refused.body.details], [400, [{ path: 'client_secret' }]])
    t.equal((await send(owner, 'PATCH', at, { ...change, client_secret })).status, 200)
    t.match(await grantsOf(connection.id), [{ dead_reason: 'connection_changed', refresh_token: null }])
  }
  t.same(elsewhere.seen, [])
})

await t.test('a token for one server comes only from a provider that gives such', async (t) => {
  const { body: none } = await create()
  const unable = await signInBy(none.name)
  await t.rejects(issueFor(unable.user.id), { code: 'audience_not_supported' }, 'no link that would lead nowhere')

  const { body: many } = await create({ resource_support: 'many', revocation_endpoint: `${idp.issuer}/revoke` })
  const able = await signInBy(many.name)
  t.same(idp.asked.getAll('resource'), [audience])
  answerRefresh(() => idp.sign({ aud: audience }))
  idp.seen.length = 0
  t.match(decodeJwt((await issueFor(able.user.id)).token), { aud: audience, sub: 'ann' })
  t.equal(idp.seenAt('/token')[0]?.form.get('resource'), audience)
  const [grant] = await grantsOf(many.id)
  t.match((await send(owner, 'DELETE', `/v1/grants/${grant.id}`)).body, { revoked_at_idp: true })
  t.match(idp.seenAt('/revoke')[0]?.form.get('token'), /^refresh-/)
})

await t.test('an opaque access token is forwarded only where the connection says that it is bound', async (t) => {
  answerRefresh(async () => `opaque-${randomPassword()}`)
  const { body: connection } = await create({ resource_support: 'many' })
  const { user } = await signInBy(connection.name)
  await t.rejects(issueFor(user.id), { code: 'audience_not_supported' })
  await send(owner, 'PATCH', `/v1/connections/${connection.id}`, { quirks: ['opaque_tokens_are_bound'] })
  t.match((await issueFor(user.id)).token, /^opaque-/)
  answerRefresh(async () => `opaque-${'x'.repeat(9_000)}`)
  const { body: large } = await create({ resource_support: 'many', quirks: ['opaque_tokens_are_bound'] })
  const other = await signInBy(large.name)
  await t.rejects(issueFor(other.user.id), { code: 'audience_not_supported', message: /too long/ })
  idp.answers.delete('/token')
})

await t.test('with one resource for each refresh token, a sign-in for a server asks for that one', async (t) => {
  const { body: connection } = await create({ resource_support: 'one' })
  const at = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${connection.name}&return_to=/auth/me`
  broker.register('http://127.0.0.1:9/second', { server_identifier: 'second' })
  for (const server of ['tools', 'second']) await createBrowser().visit(`${at}&provider=${server}`)
  t.same(
    (await grantsOf(connection.id)).map(({ resources }) => resources).sort(),
    [['http://127.0.0.1:9/mcp'], ['http://127.0.0.1:9/second']],
    'and each grant is one of its own'
  )
})

const newRefreshToken = () => {
  const token = `refresh-${randomPassword()}`
  recordSecrets([token])
  return token
}
const answerOf = async (refresh_token?: string) => ({
  ...{ access_token: await idp.sign({ aud: audience }), token_type: 'Bearer', expires_in: 300 },
  ...(refresh_token ? { refresh_token } : {})
})

await t.test(
  'a sign-in that brings no refresh token keeps what is stored, and says where that is too little',
  async (t) => {
    const { body: connection } = await create({ resource_support: 'many' })
    idp.answers.set('/token', { body: () => answerOf(newRefreshToken()) })
    const { user } = await signInBy(connection.name)
    const before = await grantsOf(connection.id)
    t.match(before, [{ dead_reason: null }])
    const server = broker.register('http://127.0.0.1:9/too-late', { server_identifier: 'too-late' })
    const refused: unknown = await issueFor(user.id, server).catch((error: unknown) => error)
    const url = refused instanceof ReportedError ? (refused.extras.connect_url ?? '') : ''
    const browser = createBrowser()
    const signInThere = async () => {
      const href = /href="(\/auth\/sign-in[^"]+)">Sign in and go on/.exec((await browser.visit(url)).body)?.[1] ?? ''
      return browser.visit(`${broker.publicUrl}${href.replaceAll('&amp;', '&')}`)
    }
    idp.answers.set('/token', { body: () => answerOf() })
    const page = await signInThere()
    t.match([page.status, page.body], [200, /Calls cannot be made as you yet/])
    t.match(page.body, /Sign in once more/)
    t.same(await grantsOf(connection.id), before)
    t.ok((await issueFor(user.id)).token, 'what was stored is still of use')
    idp.answers.set('/token', { body: () => answerOf(newRefreshToken()) })
    const again = /href="(\/auth\/sign-in[^"]+)">Sign in once more/.exec(page.body)?.[1] ?? ''
    const done = await browser.visit(`${broker.publicUrl}${again.replaceAll('&amp;', '&')}`)
    t.match([done.status, done.body], [200, /You are signed in/])
    idp.answers.delete('/token')
  }
)

await t.test('what a refresh brings while its grant is revoked is revoked at the IdP, too', async (t) => {
  const { body: connection } = await create({ resource_support: 'many', revocation_endpoint: `${idp.issuer}/revoke` })
  idp.answers.delete('/token')
  const { user } = await signInBy(connection.name)
  const [grant] = await grantsOf(connection.id)
  const holder = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await holder.connect()
  t.teardown(() => holder.end())
  const [asked, held, latest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), newRefreshToken()]
  const answer = async () => {
    asked.resolve()
    await held.promise
    return answerOf(latest)
  }
  idp.answers.set('/token', { body: answer })
  const issued = Promise.allSettled([issueFor(user.id)])
  await asked.promise
  await holder.query('begin')
  await holder.query('select from identity_broker."grant" where id = $1 for update', [grant.id])
  held.resolve()
  await untilLocked(database)
  const ended = send(owner, 'DELETE', `/v1/grants/${grant.id}`)
  await untilLocked(database, 2)
  await holder.query('commit')
  t.match((await ended).body, { revoked_at_idp: true })
  await issued
  await t.resolves(until(() => idp.seenAt('/revoke').some(({ form }) => form.get('token') === latest)))
  idp.answers.delete('/token')
})

await t.test('a grant that is rejected does not keep another one from serving', async (t) => {
  const { body: connection } = await create({ resource_support: 'many' })
  const { user } = await signInBy(connection.name)
  await database.query(`update identity_broker."grant" set resources = $1 where connection_id = $2`, [
    ...[['http://127.0.0.1:9/gone', audience], connection.id]
  ])
  await signInBy(connection.name)
  const reasons = async () => new Set((await grantsOf(connection.id)).map(({ dead_reason }) => dead_reason))
  t.same(await reasons(), new Set([null]))
  idp.seen.length = 0
  const rejectOnce = async () => {
    idp.answers.set('/token', { body: () => answerOf(newRefreshToken()) })
    return { error: 'invalid_grant' }
  }
  idp.answers.set('/token', { status: 400, body: rejectOnce })
  t.equal(decodeJwt((await issueFor(user.id)).token).aud, audience)
  const shown = idp.seenAt('/token').map(({ form }) => form.get('refresh_token'))
  t.equal(new Set(shown).size, 2)
  t.same(await reasons(), new Set([null, 'rejected']))
  idp.answers.delete('/token')
})
