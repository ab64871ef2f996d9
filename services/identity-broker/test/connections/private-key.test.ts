import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, signIn } from '@onbehalf/testkit'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, signInAs, startBroker } from '../start.ts'

const played = await playIdp(t)
const broker = await startBroker(t, {
  allow: [played.port],
  clients: (publicUrl) => [
    {
      client_id: 'with-a-key',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks_uri: `${publicUrl}/auth/connections/acme/keyed/jwks.json`,
      redirect_uris: [`${publicUrl}/auth/callback/acme/keyed`]
    }
  ]
})
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const audience = 'http://127.0.0.1:9/mcp'
const provider = broker.register(audience, { server_identifier: 'tools' })
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())

const create = async (given: object) => {
  const keyed = { client_authentication: 'private_key_jwt', client_id: 'with-a-key', ...given }
  return (await send(owner, 'POST', '/v1/connections', keyed)).body
}
const keysAt = async (url: string) => {
  const { status, body } = await createBrowser().visit(url)
  return { status, text: body, keys: status === 200 ? JSON.parse(body).keys : [] }
}

await t.test('a client with a key of its own signs in, refreshes and revokes without a secret', async (t) => {
  const connection = await create({ name: 'keyed', issuer: broker.idp.issuer })
  t.match(connection, {
    client_secret: null,
    jwks_url: `${broker.publicUrl}/auth/connections/acme/keyed/jwks.json`
  })
  const browser = createBrowser()
  const start = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=keyed&return_to=/auth/me`
  const { user } = JSON.parse((await signIn(browser, start, { login: logins.user })).body)
  const within = { deadlineAt: Date.now() + 20_000 }
  const principal = await call(broker.bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id: user.id }, within)
  const asked = { principal: principal.ticket, provider: await broker.mcpProvider.ticketFor(provider) }
  t.equal(decodeJwt((await call(broker.bus, issueToken, asked, within)).token).sub, logins.user)
  const { rows } = await database.query('select id from identity_broker."grant" where connection_id = $1', [
    connection.id
  ])
  t.match((await send(owner, 'DELETE', `/v1/grants/${rows[0].id}`)).body, { revoked_at_idp: true })
})

await t.test(
  'the assertion names who, for whom and for how long, and can be checked with what we publish',
  async (t) => {
    const connection = await create({ name: 'played', issuer: played.issuer })
    const at = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=played&return_to=/auth/me`
    played.claims = { aud: 'with-a-key' }
    const assertions: string[] = []
    for (const quirks of [[], ['assertion_for_token_endpoint'], ['assertion_for_token_endpoint']]) {
      await send(owner, 'PATCH', `/v1/connections/${connection.id}`, { quirks })
      played.seen.length = 0
      t.equal((await createBrowser().visit(at)).status, 200)
      const [{ form, authorization } = { form: new URLSearchParams(), authorization: '' }] = played.seenAt('/token')
      t.same([form.get('client_secret'), authorization], [null, undefined])
      t.equal(form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      assertions.push(form.get('client_assertion') ?? '')
    }
    const { keys, text } = await keysAt(connection.jwks_url)
    t.match(keys, [{ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' }])
    t.notMatch(text, /"d"/)
    const verified = await Promise.all(assertions.map((one) => jwtVerify(one, createLocalJWKSet({ keys }))))
    t.same(
      verified.map(({ payload }) => payload.aud),
      [played.issuer, `${played.issuer}/token`, `${played.issuer}/token`]
    )
    t.equal(new Set(verified.map(({ payload }) => payload.jti)).size, 3)
    for (const { payload } of verified) {
      t.match(payload, { iss: 'with-a-key', sub: 'with-a-key' })
      t.ok((payload.exp ?? 0) - (payload.iat ?? 0) <= 60)
    }
  }
)

await t.test('without discovery the assertion is for the very endpoint that it is sent to', async (t) => {
  const connection = await create({
    ...{ name: 'plain', kind: 'oauth2', scopes: 'read', issuer: 'https://another.example' },
    ...{ authorization_endpoint: `${played.issuer}/auth`, token_endpoint: `${played.issuer}/token` },
    userinfo_endpoint: `${played.issuer}/userinfo`
  })
  played.seen.length = 0
  const at = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${connection.name}&return_to=/auth/me`
  t.equal((await createBrowser().visit(at)).status, 200)
  const [{ form } = { form: new URLSearchParams() }] = played.seenAt('/token')
  t.equal(decodeJwt(form.get('client_assertion') ?? '').aud, `${played.issuer}/token`)
})

await t.test('every connection has keys of its own, which nobody finds who is not meant to', async (t) => {
  const [one, other] = [
    await create({ name: 'one', issuer: played.issuer }),
    await create({ name: 'other', issuer: played.issuer })
  ]
  const [first, second] = [await keysAt(one.jwks_url), await keysAt(other.jwks_url)]
  t.not(first.keys[0].kid, second.keys[0].kid)
  t.same((await keysAt(one.jwks_url)).keys, first.keys, 'and they stay')
  const base = `${broker.publicUrl}/auth/connections`
  for (const path of [
    '/acme/sso/jwks.json',
    '/acme/nobody/jwks.json',
    '/globex/one/jwks.json',
    '/nobody/one/jwks.json'
  ])
    t.equal((await keysAt(`${base}${path}`)).status, 404, path)
  await send(owner, 'PATCH', `/v1/connections/${one.id}`, { client_authentication: 'none' })
  t.equal((await keysAt(one.jwks_url)).status, 404)
  const keyRows = async () =>
    (await database.query("select id from identity_broker.signing_key where purpose like 'connection %'")).rows.length
  const before = await keyRows()
  await send(owner, 'DELETE', `/v1/connections/${other.id}`)
  t.equal((await keysAt(other.jwks_url)).status, 404)
  t.equal(before - (await keyRows()), 1, 'and a deleted connection leaves none behind')
})
