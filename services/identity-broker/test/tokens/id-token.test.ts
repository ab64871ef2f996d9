import { resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, randomPassword, recordSecrets } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, signInAs, startBroker } from '../start.ts'
import { askerOf } from './asker.ts'

const played = await playIdp(t)
const broker = await startBroker(t, { allow: [played.port] })
const { idp, mcpProvider } = broker
const [one, other] = ['https://one.example/mcp', 'https://other.example/mcp']
const exception = broker.register(one, { server_identifier: 'one', forward_id_token: true })
const another = broker.register(other, { server_identifier: 'other', forward_id_token: true })
const plain = broker.register('https://plain.example/mcp', { server_identifier: 'plain' })
const user = await signInAs(broker, logins.user)
const { issue, emptyTokens, rows } = await askerOf(t, broker)
const refreshesOf = (login: string) => idp.log().refreshes_by_user[login] ?? 0

await t.test('without the exception nobody gets an ID token', async (t) => {
  const { token } = await issue(user, plain)
  t.match(decodeJwt(token), { aud: plain.audience })
})

await t.test('with it, the server gets the ID token of the user, which is for our client', async (t) => {
  const before = refreshesOf(logins.user)
  const { token, expires_at, identity, reusable } = await issue(user, exception)
  t.match(decodeJwt(token), { aud: 'onbehalf', sub: logins.user, iss: idp.issuer, exp: expires_at })
  t.match(identity, { mode: 'idp_token', subject: logins.user, audience: one })
  t.equal(reusable, true)
  t.equal((await issue(user, exception)).token, token, 'and it is kept')
  t.equal((await issue(user, another)).token, token, 'for all of these servers')
  t.equal(refreshesOf(logins.user) - before, 1)
})

await t.test('the sign-in does not ask the IdP for a server it knows nothing of', async (t) => {
  const granted = await rows('select resources from identity_broker."grant"')
  t.same(granted, [{ resources: [plain.audience] }])
})

await t.test('it is given from the moment the exception is made until it is taken back', async (t) => {
  mcpProvider.hide(plain.provider_id, { forward_id_token: true })
  const made = mcpProvider.update(plain.provider_id, {})
  t.match(decodeJwt((await issue(user, made)).token), { aud: 'onbehalf' })
  mcpProvider.hide(plain.provider_id, { forward_id_token: false })
  const takenBack = mcpProvider.update(plain.provider_id, {})
  t.match(decodeJwt((await issue(user, takenBack)).token), { aud: plain.audience })
})

await t.test('a ticket cannot name it as a mode', async (t) => {
  for (const mode of ['id_token', 'forward_id_token', 'subject_token'])
    await t.rejects(issue(user, { ...exception, mode }), { code: 'policy_denied' }, mode)
  const signed = broker.register('https://signed.example/mcp', { mode: 'signed', forward_id_token: true })
  t.match(decodeJwt((await issue(user, signed)).token), { aud: signed.audience }, 'and it is for idp_token alone')
})

await t.test('at the inner listener it is the same', async (t) => {
  const ask = async (audience: string) => {
    const response = await broker.inner.inject({
      method: 'POST',
      url: '/inner/api/mcp/issue-token',
      headers: { 'enterprise-api-secret-key': broker.secret },
      payload: { user_id: user.userId, tenant_id: broker.tenantId, app_id: '', audience }
    })
    return decodeJwt(response.json().token).aud
  }
  t.same([await ask(one), await ask(plain.audience)], ['onbehalf', plain.audience])
})

await t.test('each server it was given to is on record, by the name of the exception', async (t) => {
  const recorded = await apiOf(broker)(user, 'GET', '/v1/issuances?limit=50')
  const named = recorded.body.data.filter(({ mode }: { mode: string }) => mode === 'idp_token:id_token')
  const audiences = new Set(named.map(({ audience }: { audience: string }) => audience))
  t.same(audiences, new Set([one, other, plain.audience]))
})

await t.test('one the server refused is replaced, and not at once again', async (t) => {
  await emptyTokens(user)
  const { token } = await issue(user, exception)
  const rejected_token_hash = hashOf(token)
  t.equal((await issue(user, exception, { rejected_token_hash })).token, token)
  await rows("update identity_broker.minted_token set issued_at = now() - interval '2 minutes'")
  t.not((await issue(user, exception, { rejected_token_hash })).token, token)
})

const client_secret = randomPassword()
recordSecrets([client_secret])
/** Signs somebody in at the IdP whose answers the test decides. */
const signInPlayed = async ({ name, ...given }: { name: string; kind?: 'oauth2'; scopes?: string }) => {
  const owner = await signInAs(broker, logins.owner)
  const connection = { issuer: played.issuer, client_id: 'onbehalf', client_secret, name, ...given }
  t.equal((await apiOf(broker)(owner, 'POST', '/v1/connections', connection)).status, 201)
  const start = `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`
  const { user: person } = JSON.parse((await createBrowser().visit(start)).body)
  const asked = { key_hash: hashOf(broker.apiKey), user_id: person.id }
  const ticket = async () => (await call(broker.bus, resolveApiKey, asked, { deadlineAt: Date.now() + 20_000 })).ticket
  return { ticket }
}
/** As if its tokens had been emptied; what was refused before is asked for again. */
const askAnew = () =>
  rows('update identity_broker."grant" set epoch = epoch + 1; delete from identity_broker.minted_token')

await t.test('an ID token that is not of this user, or not for our client alone, is handed to nobody', async (t) => {
  const ann = await signInPlayed({ name: 'played' })
  const exp = Math.floor(Date.now() / 1000) - 60
  const answers: [string, () => Promise<string | undefined>, string][] = [
    ['of somebody else', () => played.sign({ sub: 'cem' }), 'policy_denied'],
    ['of another issuer', () => played.sign({ iss: 'https://evil.example' }), 'policy_denied'],
    ['for another client', () => played.sign({ aud: 'them' }), 'policy_denied'],
    ['for two clients', () => played.sign({ aud: ['onbehalf', 'them'] }), 'policy_denied'],
    ['that says it is an access token', () => played.sign({}, { typ: 'at+jwt' }), 'audience_not_supported'],
    ['that is not there', async () => undefined, 'audience_not_supported'],
    ['that is none', async () => 'opaque', 'audience_not_supported'],
    ['larger than a header', () => played.sign({ more: 'x'.repeat(10_000) }), 'audience_not_supported'],
    ['that has ended', () => played.sign({ exp }), 'identity_provider_unavailable'],
    ['that ends before time began', () => played.sign({ exp: -1e18 }), 'audience_not_supported']
  ]
  for (const [name, sign, code] of answers) {
    await askAnew()
    const id_token = await sign()
    played.answers.set('/token', { body: { access_token: 'a', token_type: 'Bearer', id_token } })
    await t.rejects(issue(ann, exception), { code }, name)
  }
  for (const [exp, expires_in] of [
    [1_795_000_000_000, 1e18],
    [1_795_000_000_000, -1e18],
    [1e300, undefined]
  ]) {
    await askAnew()
    const id_token = await played.sign({ exp })
    played.answers.set('/token', { body: { access_token: id_token, expires_in, token_type: 'Bearer', id_token } })
    const { expires_at } = await issue(ann, exception)
    t.ok(expires_at <= Date.now() / 1000 + 86_400, 'one without a sane end is used for a day at most')
  }
  await askAnew()
  played.answers.delete('/token')
  t.match(decodeJwt((await issue(ann, exception)).token), { sub: 'ann', aud: 'onbehalf' })
})

await t.test('where nobody knows the keys of an IdP, nothing it sends is an ID token', async (t) => {
  const { issuer, authorization_endpoint, token_endpoint, userinfo_endpoint } = played.metadata
  const endpoints = { issuer, authorization_endpoint, token_endpoint, userinfo_endpoint }
  const ann = await signInPlayed({ name: 'plain', kind: 'oauth2', scopes: 'read', ...endpoints })
  await t.rejects(issue(ann, exception), { code: 'audience_not_supported', message: /no ID token/ })
})
