import { hashOf } from '@onbehalf/service-kit'
import { freePort, randomPassword, recordSecrets, startAuthorizationServer } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import t from 'tap'
import { logins, signInAs, startBroker } from '../start.ts'
import { askerOf } from './asker.ts'

const port = await freePort()
const broker = await startBroker(t, { allow: [port] })
const { idp, mcpProvider } = broker
const client = { client_id: 'us-there', client_secret: randomPassword() }
recordSecrets([client.client_secret])
const there = await startAuthorizationServer({ port, idp: idp.issuer, client, onSecret: (one) => recordSecrets([one]) })
t.teardown(there.stop)
const { disturbExchanges, trustAuthorizationServer } = idp.controls
trustAuthorizationServer(there.issuer, client.client_id)

const authorization = {
  ...{ issuer: there.issuer, token_endpoint: `${there.issuer}/token`, ...client },
  client_authentication: 'basic' as const
}
const audience = 'https://jag.example/mcp'
const provider = broker.register(audience, { mode: 'id_jag', server_identifier: 'jag', authorization })
const other = broker.register('https://other.example/mcp', { mode: 'id_jag', authorization })
const [user, second] = [await signInAs(broker, logins.user), await signInAs(broker, logins.second)]
const { issue, emptyTokens, revoke, rows } = await askerOf(t, broker)
const refreshesOf = (login: string) => idp.log().refreshes_by_user[login] ?? 0
const redeemed = () => there.log().last.length

await t.test('the IdP vouches for the user, and the authorization server of the server gives the token', async (t) => {
  const before = refreshesOf(logins.user)
  const { token, expires_at, reusable, identity } = await issue(user, provider)
  const claims = decodeJwt(token)
  t.match(claims, { sub: logins.user, aud: audience, iss: there.issuer, client_id: client.client_id, exp: expires_at })
  t.match(identity, { mode: 'id_jag', user_id: user.userId, subject: logins.user, audience, jti: claims.jti })
  t.equal(reusable, true)
  t.match(there.log().last, [{ client_id: client.client_id, sub: logins.user, resource: audience, status: 200 }])
  t.equal(refreshesOf(logins.user) - before, 1, 'for the ID token that is exchanged')
})

await t.test('it is kept for its user and server until it nears its end, and so is the ID token', async (t) => {
  const { token } = await issue(user, provider)
  const [asked, refreshed] = [redeemed(), refreshesOf(logins.user)]
  t.equal((await issue(user, provider)).token, token)
  t.equal(redeemed(), asked)
  t.equal(decodeJwt((await issue(user, other)).token).aud, other.audience)
  t.same([redeemed() - asked, refreshesOf(logins.user)], [1, refreshed], 'another server costs no refresh')
  t.equal(decodeJwt((await issue(second, provider)).token).sub, logins.second, 'another user gets another one')
})

await t.test('many callers at three replicas share one refresh', async (t) => {
  await Promise.all([broker.addReplica(), broker.addReplica()])
  await emptyTokens(user)
  const before = refreshesOf(logins.user)
  const asked = Array.from({ length: 60 }, (_, index) => (index % 2 ? other : provider))
  const tokens = await Promise.all(asked.map((one) => issue(user, one)))
  t.same(
    tokens.map(({ token }) => decodeJwt(token).aud),
    asked.map((one) => one.audience)
  )
  t.equal(refreshesOf(logins.user) - before, 1)
})

await t.test('an ID-JAG that says anything else is not shown to anybody', async (t) => {
  const nextDay = Math.floor(Date.now() / 1000) - 60
  const faults: [string, NonNullable<ReturnType<Parameters<typeof disturbExchanges>[0]>>, string][] = [
    ['of somebody else', { claims: { sub: logins.second } }, 'policy_denied'],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, 'policy_denied'],
    ['for another authorization server', { claims: { aud: 'https://evil.example' } }, 'audience_not_supported'],
    ['for two', { claims: { aud: [there.issuer, 'https://evil.example'] } }, 'audience_not_supported'],
    ['for another client', { claims: { client_id: 'them' } }, 'audience_not_supported'],
    ['for another server', { claims: { resource: other.audience } }, 'audience_not_supported'],
    ['for two servers', { claims: { resource: [audience, other.audience] } }, 'audience_not_supported'],
    ['without a jti', { claims: { jti: undefined } }, 'audience_not_supported'],
    ['that has ended', { claims: { exp: nextDay } }, 'identity_provider_unavailable'],
    ['that says it is an access token', { typ: 'at+jwt' }, 'audience_not_supported'],
    ['without issued_token_type', { answer: { issued_token_type: undefined } }, 'audience_not_supported'],
    ['of use as a bearer', { answer: { token_type: 'Bearer' } }, 'audience_not_supported'],
    ['that is none', { answer: { access_token: 'opaque' } }, 'audience_not_supported'],
    ['without end', { claims: { more: 'x'.repeat(70_000) } }, 'audience_not_supported']
  ]
  const before = redeemed()
  for (const [name, fault, code] of faults) {
    await emptyTokens(user)
    disturbExchanges(() => fault)
    await t.rejects(issue(user, provider), { code }, name)
  }
  disturbExchanges(() => undefined)
  t.equal(redeemed(), before)
})

await t.test('a refusal at the IdP, or there, is told, and costs nobody their grant', async (t) => {
  for (const [error, code] of [
    ['invalid_grant', 'policy_denied'],
    ['invalid_target', 'audience_not_supported'],
    ['access_denied', 'policy_denied']
  ] as const) {
    await emptyTokens(user)
    disturbExchanges(() => ({ error: { status: 400, error } }))
    await t.rejects(issue(user, provider), { code, message: /^The identity provider/ }, error)
    disturbExchanges(() => undefined)
  }
  const refusals: [number, string, string][] = [
    [400, 'invalid_grant', 'policy_denied'],
    [400, 'unauthorized_client', 'policy_denied'],
    [400, 'unsupported_grant_type', 'audience_not_supported'],
    [401, 'invalid_client', 'identity_provider_unavailable'],
    [503, 'down', 'identity_provider_unavailable'],
    [429, 'slow_down', 'identity_provider_unavailable']
  ]
  for (const [status, error, code] of refusals) {
    await emptyTokens(user)
    there.disturb(() => ({ error: { status, error } }))
    await t.rejects(issue(user, provider), { code, message: /^The authorization server/ }, error)
  }
  there.disturb(() => undefined)
  t.equal(decodeJwt((await issue(user, provider)).token).sub, logins.user, 'and afterwards it goes on')
  t.same(await rows('select dead_reason from identity_broker."grant"'), [{ dead_reason: null }, { dead_reason: null }])
})

await t.test('what the authorization server gives has to be for this server, and its own', async (t) => {
  const faults: [string, NonNullable<ReturnType<Parameters<typeof there.disturb>[0]>>, string][] = [
    ['for another server', { claims: { aud: other.audience } }, 'audience_not_supported'],
    ['for two', { claims: { aud: [audience, other.audience] } }, 'audience_not_supported'],
    ['of another issuer', { claims: { iss: idp.issuer } }, 'audience_not_supported'],
    ['bound to a key', { answer: { token_type: 'DPoP' } }, 'audience_not_supported'],
    ['larger than a header', { claims: { more: 'x'.repeat(10_000) } }, 'audience_not_supported'],
    ['that has ended', { claims: { exp: 1 } }, 'identity_provider_unavailable'],
    ['that is none', { answer: { access_token: undefined } }, 'identity_provider_unavailable']
  ]
  for (const [name, fault, code] of faults) {
    await emptyTokens(user)
    there.disturb(() => fault)
    await t.rejects(issue(user, provider), { code }, name)
  }
  await emptyTokens(user)
  there.disturb(() => ({ claims: { exp: 1_795_000_000_000 }, answer: { expires_in: undefined } }))
  t.ok((await issue(user, provider)).expires_at <= Date.now() / 1000 + 86_400, 'one without a sane end: for a day')
  await emptyTokens(user)
  const access_token = randomPassword()
  recordSecrets([access_token])
  there.disturb(() => ({ answer: { access_token, expires_in: 120, refresh_token: randomPassword() } }))
  const opaque = await issue(user, provider)
  t.equal(opaque.token, access_token, 'one that only the server can read is its own affair')
  t.ok(opaque.expires_at <= Date.now() / 1000 + 120)
  there.disturb(() => undefined)
})

await t.test('what another authorization server gave, or to another client, is not used any more', async (t) => {
  const { token } = await issue(user, provider)
  mcpProvider.hide(provider.provider_id, { authorization: { ...authorization, client_id: 'another' } })
  const moved = mcpProvider.update(provider.provider_id, {})
  await t.rejects(issue(user, moved), { code: 'audience_not_supported', message: /another client/ })
  mcpProvider.hide(provider.provider_id, { authorization })
  const back = mcpProvider.update(provider.provider_id, {})
  t.equal((await issue(user, back)).token, token)
})

await t.test('a token the server refused is got anew, without a refresh', async (t) => {
  await emptyTokens(user)
  const { token } = await issue(user, provider)
  await rows("update identity_broker.minted_token set issued_at = now() - interval '2 minutes'")
  const before = refreshesOf(logins.user)
  t.not((await issue(user, provider, { rejected_token_hash: hashOf(token) })).token, token)
  t.equal(refreshesOf(logins.user), before)
})

await t.test('only a registered server of this tenant and mode has an authorization server', async (t) => {
  const unknown = broker.register('https://none.example/mcp', { mode: 'id_jag' })
  await t.rejects(issue(user, unknown), { code: 'policy_denied', message: /id_jag/ })
  const away = { ...authorization, token_endpoint: `http://127.0.0.1:${await freePort()}/token` }
  const elsewhere = broker.register('https://away.example/mcp', { mode: 'id_jag', authorization: away })
  await t.rejects(issue(user, elsewhere), { code: 'policy_denied', message: /needs https/ }, 'not where we may call')
})

await t.test('what was got while the grant ended is handed to nobody', async (t) => {
  const later = broker.register('https://later.example/mcp', { mode: 'id_jag', authorization })
  await issue(second, provider)
  const [held, asking] = [idp.controls.holdTokenRequest('answer'), issue(second, later)]
  const rejected = t.rejects(asking, { code: 'identity_refresh_rejected' })
  const { release } = await held
  t.equal(await revoke(second), 200)
  release()
  await rejected
})

await t.test('each is on record as id_jag, and no secret rests in clear', async (t) => {
  const recorded = await rows(`select mode, outcome from identity_broker.issuance where audience = '${audience}'`)
  t.same(new Set(recorded.map(({ mode }) => mode)), new Set(['id_jag']))
  const { token } = await issue(user, provider)
  for (const table of ['minted_token', 'issuance']) {
    const texts = (await rows(`select x::text as text from identity_broker.${table} x`)).map(({ text }) => String(text))
    for (const secret of [token, client.client_secret])
      t.notOk(
        texts.some((text) => text.includes(secret) || text.includes(Buffer.from(secret).toString('hex'))),
        table
      )
  }
})
