import { createBrowser, randomPassword, recordSecrets } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const elsewhere = await playIdp(t)
const inner = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port, elsewhere.port] })
const send = apiOf(broker)
const url = '/v1/connections'
const owner = await signInAs(broker, logins.owner)
const member = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const stored = async () =>
  (
    await database.query(
      `select (select jsonb_agg(c) from identity_broker.connection c)::text
      || (select count(*) from identity_broker.signing_key) || (select count(*) from identity_broker.audit_event)`
    )
  ).rows

const client_secret = `a+b/c d%${randomPassword()}`
recordSecrets([client_secret])
const given = (change: object = {}) => ({
  ...{ name: 'new', issuer: idp.issuer, client_id: 'onbehalf', client_secret, scopes: 'openid offline_access' },
  ...change
})

type Check = { check: string; ok: boolean; message: string }
const test = async (path: string, body?: object, who: SignedIn = owner) => {
  const answer = await send(who, 'POST', path, body)
  const checks: Check[] = answer.body.checks ?? []
  return {
    ...answer,
    checks,
    quirks: answer.body.quirks,
    of: (name: string) => checks.find(({ check }) => check === name),
    wrong: checks.filter(({ ok }) => !ok).map(({ check }) => check)
  }
}
/** A token endpoint that knows the client by what `isKnown` says, and no code at all. */
const knowing = (isKnown: (seen: { authorization: string | undefined; form: URLSearchParams }) => boolean) => ({
  status: 400,
  body: async () => {
    const last = idp.seenAt('/token').at(-1)
    return { error: last && isKnown(last) ? 'invalid_grant' : 'invalid_client', error_description: 'inner words' }
  }
})
const encoded = `Basic ${Buffer.from(`onbehalf:${new URLSearchParams({ v: client_secret }).toString().slice(2)}`).toString('base64')}`
const plain = `Basic ${Buffer.from(`onbehalf:${client_secret}`).toString('base64')}`

await t.test('a good identity provider passes, and nothing is stored', async (t) => {
  const before = await stored()
  Object.assign(idp.metadata, {
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
    scopes_supported: ['openid', 'offline_access'],
    resource_indicators_supported: true,
    end_session_endpoint: `${idp.issuer}/end`,
    backchannel_logout_supported: true
  })
  idp.answers.set(
    '/token',
    knowing(({ authorization }) => authorization === encoded)
  )
  const { status, checks, wrong, quirks } = await test(`${url}/test`, given())
  t.same([status, wrong, quirks], [200, [], []])
  t.same(
    checks.map(({ check }) => check),
    [
      ...['settings', 'discovery', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'],
      ...['revocation_endpoint', 'end_session_endpoint', 'keys', 'pkce', 'grant_types', 'client_authentication'],
      ...['scopes', 'resource_indicators', 'token_exchange', 'sign_out', 'credentials']
    ]
  )
  t.same(await stored(), before)
  t.notMatch(JSON.stringify(checks), client_secret)
})

await t.test('the real one of the tests passes too, as it is stored', async (t) => {
  const { body } = await send(owner, 'GET', `${url}?limit=1`)
  const { status, wrong, of } = await test(`${url}/${body.data[0].id}/test`)
  t.equal(status, 200)
  t.same(wrong, ['resource_indicators'], 'it has them, and does not announce them')
  t.match(of('resource_indicators')?.message, /identity_mode signed/)
  t.match(of('token_exchange')?.message, /RFC 8693\) is announced/)
  t.match(of('credentials'), { ok: true })
})

await t.test('only who may connect it may test it', async (t) => {
  const { body } = await send(owner, 'GET', `${url}?limit=1`)
  t.equal((await test(`${url}/test`, given(), member)).status, 403)
  t.equal((await test(`${url}/${body.data[0].id}/test`, {}, member)).status, 403)
  t.equal((await test(`${url}/${body.data[0].id}/test`, {}, stranger)).status, 404)
})

await t.test('what is wrong is named, with what to do', async (t) => {
  const good = { ...idp.metadata }
  const rows: [string, Record<string, unknown>, object, RegExp][] = [
    ['discovery', { issuer: `${idp.issuer}/` }, {}, /slash at the end/],
    ['discovery', { issuer: 'https://another.example' }, {}, /"https:\/\/another\.example"/],
    ['discovery', { token_endpoint: 5 }, {}, /token_endpoint/],
    ['token_endpoint', { token_endpoint: 'https://10.0.0.7/token' }, {}, /EGRESS_ALLOW/],
    ['jwks_uri', { jwks_uri: 'http://93.184.216.34/jwks' }, {}, /https/],
    ['authorization_endpoint', { authorization_endpoint: 'javascript:alert(1)' }, {}, /absolute/],
    ['keys', { id_token_signing_alg_values_supported: ['HS256'] }, {}, /none of RS256/],
    ['keys', { id_token_signing_alg_values_supported: ['RS256'] }, {}, /no key for RS256/],
    ['keys', { jwks_uri: `${idp.issuer}/nothing` }, {}, /404/],
    ['pkce', { code_challenge_methods_supported: ['plain'] }, {}, /S256 is not announced/],
    ['grant_types', { grant_types_supported: ['authorization_code'] }, {}, /refresh_token/],
    ['client_authentication', { token_endpoint_auth_methods_supported: ['client_secret_post'] }, {}, /Announced: post/],
    ['scopes', { scopes_supported: ['openid'] }, {}, /offline_access/],
    ['scopes', {}, { scopes: 'openid' }, /no refresh token without it/],
    ['sign_out', { end_session_endpoint: undefined, backchannel_logout_supported: false }, {}, /Neither/],
    ['settings', {}, { client_secret: undefined }, /client_secret is missing/]
  ]
  for (const [check, metadata, change, words] of rows) {
    Object.assign(idp.metadata, good, metadata)
    const { of } = await test(`${url}/test`, given(change))
    t.match(of(check), { ok: false, message: words }, `${check} ${JSON.stringify(metadata)}`)
  }
  Object.assign(idp.metadata, good)
})

await t.test('how the client has to authenticate is found out', async (t) => {
  idp.answers.set(
    '/token',
    knowing(({ authorization }) => authorization === plain)
  )
  const quirky = await test(`${url}/test`, given())
  t.match(quirky.of('credentials'), { ok: false, message: /basic_not_encoded/ })
  t.match(quirky.quirks, [{ quirk: 'basic_not_encoded', message: /without the form encoding/ }])
  t.match((await test(`${url}/test`, given({ quirks: ['basic_not_encoded'] }))).of('credentials'), { ok: true })
  idp.answers.set(
    '/token',
    knowing(({ form }) => form.get('client_secret') === client_secret)
  )
  t.match((await test(`${url}/test`, given())).of('credentials'), {
    ok: false,
    message: /client_authentication is post/
  })
  idp.answers.set(
    '/token',
    knowing(() => false)
  )
  t.match((await test(`${url}/test`, given())).of('credentials'), { ok: false, message: /invalid_client/ })
  idp.answers.set('/token', { body: '<html>inner words</html>' })
  const odd = await test(`${url}/test`, given())
  t.match(odd.of('credentials'), { ok: false, message: /RFC 6749/ })
  t.notMatch(JSON.stringify(odd.checks), /inner words/, 'and what it says is not repeated')
})

await t.test('a client with a key of its own is tested with that key, once it has one', async (t) => {
  idp.answers.delete('/token')
  const keyed = { client_authentication: 'private_key_jwt', client_secret: undefined }
  t.match((await test(`${url}/test`, given(keyed))).of('credentials'), { ok: false, message: /Save the connection/ })
  const { body } = await send(owner, 'POST', url, given({ ...keyed, name: 'keyed' }))
  await createBrowser().visit(body.jwks_url)
  const audienceOf = (assertion: string) =>
    JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()).aud
  idp.answers.set(
    '/token',
    knowing(({ form }) => audienceOf(form.get('client_assertion') ?? '') === `${idp.issuer}/token`)
  )
  const { of, quirks } = await test(`${url}/${body.id}/test`)
  t.match(of('credentials'), { ok: false, message: /assertion_for_token_endpoint/ })
  t.match(quirks, [{ quirk: 'assertion_for_token_endpoint' }])
})

await t.test('what that key signs is shown to nobody but whom the connection is for', async (t) => {
  idp.answers.delete('/token')
  const keyed = { client_authentication: 'private_key_jwt', client_secret: undefined }
  const plainOnes = { kind: 'oauth2', scopes: '', authorization_endpoint: `${idp.issuer}/auth` }
  const endpoints = { token_endpoint: `${idp.issuer}/token`, userinfo_endpoint: `${idp.issuer}/userinfo` }
  const made = await Promise.all([
    send(owner, 'POST', url, given({ ...keyed, name: 'keyed-oidc' })),
    send(owner, 'POST', url, given({ ...keyed, ...plainOnes, ...endpoints, name: 'keyed-plain' }))
  ])
  const moves = [{ issuer: elsewhere.issuer }, { token_endpoint: `${elsewhere.issuer}/token` }]
  for (const [index, { body }] of made.entries()) {
    const at = `${url}/${body.id}/test`
    t.match((await test(at, moves[index])).of('credentials'), { ok: false, message: /signs/ })
    t.match((await test(at, {})).of('credentials'), { ok: false, message: /RFC 6749/ }, 'the stored place is asked')
  }
  t.same(elsewhere.seenAt('/token'), [])
})

await t.test('the stored secret is shown to nobody but whom it was stored for', async (t) => {
  idp.answers.delete('/token')
  const { body } = await send(owner, 'POST', url, given({ name: 'bound' }))
  const at = `${url}/${body.id}/test`
  const before = await stored()
  for (const change of [
    { issuer: elsewhere.issuer },
    { issuer: elsewhere.issuer, client_secret: body.client_secret }
  ]) {
    t.match((await test(at, change)).of('credentials'), { ok: false, message: /anew/ })
    t.same(elsewhere.seenAt('/token'), [])
  }
  idp.metadata.token_endpoint = `${elsewhere.issuer}/token`
  t.match((await test(at)).of('credentials'), { ok: false, message: /anew/ })
  idp.metadata.token_endpoint = `${idp.issuer}/token`
  t.same(elsewhere.seenAt('/token'), [])
  const anew = await test(at, { issuer: elsewhere.issuer, client_secret: randomPassword() })
  t.ok(anew.of('credentials'))
  t.equal(elsewhere.seenAt('/token').length > 0, true)
  t.same(await stored(), before)
})

await t.test('what is at an inner address is neither called nor told apart', async (t) => {
  const answers = [inner.issuer, 'http://127.0.0.1:1'].map((issuer) => test(`${url}/test`, given({ issuer })))
  const [listening, silent] = (await Promise.all(answers)).map(({ of }) => of('discovery'))
  t.match(listening, { ok: false, message: /needs https|may not be called/ })
  t.equal(listening?.message, silent?.message)
  t.same(inner.seen, [])
  const plainOnes = given({
    ...{ kind: 'oauth2', issuer: undefined, scopes: '' },
    ...{ authorization_endpoint: `${idp.issuer}/auth`, userinfo_endpoint: `${inner.issuer}/userinfo` },
    token_endpoint: `${inner.issuer}/token`
  })
  t.same((await test(`${url}/test`, plainOnes)).wrong, ['token_endpoint', 'userinfo_endpoint'])
  t.same(inner.seen, [])
})
