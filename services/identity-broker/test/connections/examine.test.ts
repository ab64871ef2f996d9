import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, randomPassword, recordSecrets, until } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const elsewhere = await playIdp(t)
const inner = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port, elsewhere.port] })
const provider = broker.register('http://127.0.0.1:9/mcp', { server_identifier: 'tools' })
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

type Suspected = { quirk: string; since: string; last_seen_at: string; message: string }
const connect = async (name: string, change: object = {}) => {
  const { status, body } = await send(owner, 'POST', url, given({ name, ...change }))
  if (status !== 201) throw new Error(JSON.stringify(body))
  return { id: body.id, at: `${url}/${body.id}`, name }
}
const signInBy = ({ name }: { name: string }) =>
  createBrowser().visit(`${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`)
const suspectedAt = async ({ at }: { at: string }): Promise<Suspected[]> =>
  (await send(owner, 'GET', at)).body.suspected_quirks
const namesAt = async (connection: { at: string }) => (await suspectedAt(connection)).map(({ quirk }) => quirk)
const noticesOf = async ({ id }: { id: string }) =>
  (await send(owner, 'GET', `/v1/audit/identity?action=connection.suspected&subject_id=${id}`)).body.data
const refused = { status: 400, body: /sign_in_failed/ }

await t.test('what shows at a sign-in only is suspected there, and nobody but administrators is told', async (t) => {
  idp.metadata.authorization_response_iss_parameter_supported = true
  const connection = await connect('suspected')
  idp.answers.set('/auth', { body: { code: 'a-code', iss: idp.issuer } })
  t.equal((await signInBy(connection)).status, 200)
  t.same(await suspectedAt(connection), [], 'nothing after a good sign-in')
  idp.claims = { nonce: 'of another sign-in' }
  t.match(await signInBy(connection), refused)
  idp.claims = { nonce: undefined, sub: undefined }
  t.match(await signInBy(connection), refused)
  idp.claims = {}
  idp.answers.set('/auth', { body: { code: 'a-code', iss: elsewhere.issuer } })
  t.match(await signInBy(connection), refused)
  t.same(await suspectedAt(connection), [], 'nor after an attack, which no quirk explains')

  idp.answers.set('/auth', { body: { code: 'a-code' } })
  const page = await signInBy(connection)
  t.match(page, refused)
  t.notMatch(page.body, /quirk|no_iss_parameter/)
  idp.answers.set('/auth', { body: { code: 'a-code', iss: idp.issuer } })
  idp.claims = { nonce: undefined }
  t.match(await signInBy(connection), refused)
  idp.claims = {}
  const shown = await suspectedAt(connection)
  t.match(shown, [
    { quirk: 'no_iss_parameter', message: /^Suspected since 20.*Whoever signs in can leave it out.*What you give up/ },
    { quirk: 'no_nonce', message: /add no_nonce to quirks\. What you give up with it: .*PKCE alone/ }
  ])
  t.same((await send(owner, 'POST', `${connection.at}/test`)).body.suspected_quirks, shown, 'the test tells them, too')
  t.same((await send(owner, 'GET', connection.at)).body.quirks, [], 'and sets none')
  t.equal((await send(member, 'GET', connection.at)).status, 403)
  t.match(
    (await noticesOf(connection)).map(({ details, actor }: { details: object; actor: object }) => ({ details, actor })),
    [
      { details: { quirk: 'no_nonce' }, actor: { kind: 'system' } },
      { details: { quirk: 'no_iss_parameter' }, actor: { kind: 'system' } }
    ]
  )
  delete idp.metadata.authorization_response_iss_parameter_supported
  idp.answers.delete('/auth')
})

await t.test('an identity provider that fails every sign-in makes nobody write each time', async (t) => {
  const connection = await connect('failing')
  idp.claims = { nonce: undefined }
  await Promise.all([signInBy(connection), signInBy(connection), signInBy(connection)])
  const [first] = await suspectedAt(connection)
  t.match(first, { quirk: 'no_nonce' })
  const versions = 'select xmin::text from identity_broker.suspected_quirk where connection_id = $1'
  const version = async () => (await database.query(versions, [connection.id])).rows
  const written = await version()
  await signInBy(connection)
  t.same(await version(), written)
  const age = `update identity_broker.suspected_quirk set since = since - interval '1 day',
    last_seen_at = last_seen_at - interval '6 minutes' where connection_id = $1`
  await database.query(age, [connection.id])
  await signInBy(connection)
  const [later] = await suspectedAt(connection)
  t.ok(String(later?.last_seen_at) >= String(first?.last_seen_at), 'minutes later it is seen again')
  t.ok(String(later?.since) < String(first?.since), 'since the same time')
  t.equal((await noticesOf(connection)).length, 1)
  idp.claims = {}
})

await t.test('a suspicion ends with the switch that is set, and with the place it was seen at', async (t) => {
  const connection = await connect('decided')
  const fail = async () => {
    idp.claims = { nonce: undefined }
    t.match(await signInBy(connection), refused)
    idp.claims = {}
    t.same(await namesAt(connection), ['no_nonce'])
  }
  await fail()
  const wouldBe = (await send(owner, 'POST', `${connection.at}/test`, { quirks: ['no_nonce'] })).body
  t.same(wouldBe.suspected_quirks, [], 'with it, nothing would be suspected')
  t.equal((await send(owner, 'PATCH', connection.at, { scopes: 'openid' })).status, 200)
  t.same(await namesAt(connection), ['no_nonce'], 'another change says nothing of it')
  t.equal((await send(owner, 'PATCH', connection.at, { quirks: ['no_nonce'] })).status, 200)
  t.same(await namesAt(connection), [])
  t.equal((await send(owner, 'PATCH', connection.at, { quirks: [] })).status, 200)
  t.same(await namesAt(connection), [], 'it has to be seen again')
  await fail()
  const moved = { issuer: elsewhere.issuer, client_secret }
  t.equal((await send(owner, 'PATCH', connection.at, moved)).status, 200)
  t.same(await namesAt(connection), [])
})

await t.test('what shows at a refresh only is suspected there', async (t) => {
  const connection = await connect('refreshing')
  const { user } = JSON.parse((await signInBy(connection)).body)
  const issue = async (want: Parameters<typeof broker.mcpProvider.ticketFor>[0]) => {
    await database.query('update identity_broker."grant" set backoff_until = null, lease_until = null')
    const within = { deadlineAt: Date.now() + 20_000 }
    const asked = { key_hash: hashOf(broker.apiKey), user_id: user.id }
    const { ticket } = await call(broker.bus, resolveApiKey, asked, within)
    return call(
      broker.bus,
      issueToken,
      { principal: ticket, provider: await broker.mcpProvider.ticketFor(want) },
      within
    )
  }
  // Nobody waits for the note of it.
  const written = (quirk: string) => {
    const note = 'select from identity_broker.suspected_quirk where connection_id = $1 and quirk = $2'
    return until(async () => (await database.query(note, [connection.id, quirk])).rowCount === 1)
  }
  const answerWith = (body: object, status = 200) => idp.answers.set('/token', { status, body })
  const access_token = await idp.sign({ aud: provider.server_url })
  recordSecrets([access_token])
  answerWith({ access_token, token_type: 'Bearer', expires_in: 1 })
  t.equal((await issue(provider)).token, access_token)
  const { form } = idp.seenAt('/token').at(-1) ?? {}
  t.equal(form?.get('scope'), null, 'no scopes are named: what the sign-in was given is kept (RFC 6749 §6)')
  answerWith({ error: 'unauthorized_client' }, 400)
  await t.rejects(issue(provider), { code: 'identity_provider_unavailable' })
  t.same(await namesAt(connection), [], 'which no quirk explains')
  answerWith({ access_token: 'opaque', token_type: 'Bearer', expires_in: 300 })
  await t.rejects(issue(provider), { code: 'audience_not_supported' })
  await written('opaque_tokens_are_bound')
  t.match(await suspectedAt(connection), [
    { quirk: 'opaque_tokens_are_bound', message: /give up with it: .*every other server of this IdP/ }
  ])
  idp.answers.delete('/token')
})
