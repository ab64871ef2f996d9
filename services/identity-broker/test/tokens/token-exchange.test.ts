import { resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import t from 'tap'
import { logins, signInAs, startBroker } from '../start.ts'
import { askerOf } from './asker.ts'

const broker = await startBroker(t)
const { bus, idp } = broker
const audience = 'https://exchanged.example/mcp'
const provider = broker.register(audience, { mode: 'token_exchange', server_identifier: 'exchanged' })
const other = broker.register('https://other.example/mcp', { mode: 'token_exchange' })
const [user, second] = [await signInAs(broker, logins.user), await signInAs(broker, logins.second)]
const { issue, emptyTokens, revoke, rows } = await askerOf(t, broker)

const refreshesOf = (login: string) => idp.log().refreshes_by_user[login] ?? 0
const exchanges = () => idp.log().by_grant_type['urn:ietf:params:oauth:grant-type:token-exchange'] ?? 0
const { disturbExchanges } = idp.controls

await t.test('the token is exchanged at the IdP: of this user, for this server, and as long as it says', async (t) => {
  const before = refreshesOf(logins.user)
  const { token, expires_at, reusable, identity } = await issue(user, provider)
  const claims = decodeJwt(token)
  t.match(claims, { sub: logins.user, aud: audience, iss: idp.issuer, client_id: 'onbehalf', exp: expires_at })
  t.match(identity, { mode: 'token_exchange', user_id: user.userId, subject: logins.user, audience, jti: claims.jti })
  t.equal(reusable, true)
  t.equal(refreshesOf(logins.user) - before, 1, 'for the token that is exchanged')
})

await t.test('it is kept for its user and server until it nears its end, and so is what was exchanged', async (t) => {
  const { token } = await issue(user, provider)
  const [asked, refreshed] = [exchanges(), refreshesOf(logins.user)]
  t.equal((await issue(user, provider)).token, token)
  t.equal(exchanges(), asked)
  t.equal(decodeJwt((await issue(user, other)).token).aud, other.audience)
  t.same([exchanges() - asked, refreshesOf(logins.user)], [1, refreshed], 'another server costs no refresh')
  t.equal(decodeJwt((await issue(second, provider)).token).sub, logins.second, 'another user gets another one')
})

await t.test('it needs no sign-in that named the server, and the IdP is asked for none', async (t) => {
  const later = broker.register('https://later.example/mcp', { mode: 'token_exchange' })
  t.equal(decodeJwt((await issue(user, later)).token).aud, later.audience)
  const refreshed = idp.log().last.filter(({ grant_type }) => grant_type === 'refresh_token')
  t.same(
    refreshed.map(({ resource }) => resource),
    refreshed.map(() => undefined)
  )
})

await t.test('an IdP that says when to come back is not asked for this user before', async (t) => {
  await emptyTokens(second)
  let asked = 0
  disturbExchanges(() => {
    asked += 1
    return { error: { status: 429, error: 'slow_down', headers: { 'retry-after': '17' } } }
  })
  const code = 'identity_provider_unavailable'
  await t.rejects(issue(second, provider), { code, extras: { retry_after_seconds: 17 } })
  await t.rejects(issue(second, other), { code })
  t.equal(asked, 1)
  disturbExchanges(() => undefined)
  await emptyTokens(user)
  t.equal(decodeJwt((await issue(user, provider)).token).sub, logins.user, 'others are served')
})

await t.test('many callers at three replicas, for many servers, share one refresh', async (t) => {
  await Promise.all([broker.addReplica(), broker.addReplica()])
  const servers = Array.from({ length: 5 }, (_, index) =>
    broker.register(`https://many.example/${index}`, { mode: 'token_exchange' })
  )
  await emptyTokens(user)
  const before = refreshesOf(logins.user)
  const asked = Array.from({ length: 100 }, (_, index) => servers[index % servers.length] ?? provider)
  const tokens = await Promise.all(asked.map((one) => issue(user, one)))
  t.same(
    tokens.map(({ token }) => decodeJwt(token).aud),
    asked.map((one) => one.audience)
  )
  t.equal(refreshesOf(logins.user) - before, 1)
})

await t.test('a refusal is told, and costs nobody their grant', async (t) => {
  const rejections: [number, string, string][] = [
    [400, 'invalid_target', 'audience_not_supported'],
    [400, 'unsupported_grant_type', 'audience_not_supported'],
    [400, 'invalid_grant', 'policy_denied'],
    [400, 'invalid_request', 'policy_denied'],
    [400, 'invalid_scope', 'policy_denied'],
    [403, 'access_denied', 'policy_denied'],
    [400, 'unauthorized_client', 'policy_denied'],
    [401, 'invalid_client', 'identity_provider_unavailable'],
    [400, 'constructor', 'policy_denied']
  ]
  for (const [status, error, code] of rejections) {
    await emptyTokens(user)
    disturbExchanges(() => ({ error: { status, error } }))
    await t.rejects(issue(user, provider), { code }, error)
    disturbExchanges(() => undefined)
    t.equal(decodeJwt((await issue(user, provider)).token).sub, logins.user, `${error}: and afterwards it goes on`)
  }
  t.same(await rows('select dead_reason from identity_broker."grant"'), [{ dead_reason: null }, { dead_reason: null }])
})

await t.test('an IdP in trouble is said to be away, with its own word of how long', async (t) => {
  const troubles: [Parameters<typeof disturbExchanges>[0], { code: string; extras?: object }][] = [
    [() => ({ error: { status: 503, error: 'down' } }), { code: 'identity_provider_unavailable' }],
    [() => ({ answer: { access_token: undefined } }), { code: 'identity_provider_unavailable' }],
    [() => ({ claims: { exp: 1 } }), { code: 'identity_provider_unavailable' }]
  ]
  for (const [disturbance, expected] of troubles) {
    await emptyTokens(user)
    disturbExchanges(disturbance)
    await t.rejects(issue(user, provider), expected)
  }
  disturbExchanges(() => undefined)
  await emptyTokens(user)
  await issue(user, other)
  idp.controls.failTokenEndpoint('reset', 1)
  await t.rejects(issue(user, provider), { code: 'identity_provider_unavailable' }, 'no answer at all')
  t.equal(decodeJwt((await issue(user, provider)).token).sub, logins.user)
})

await t.test('an answer that is not what was asked for is handed to nobody', async (t) => {
  const exchanged = (urn: string) => ({ answer: { issued_token_type: `urn:ietf:params:oauth:token-type:${urn}` } })
  const nested = `${'{"a":'.repeat(50)}1${'}'.repeat(50)}`
  const answers: [string, NonNullable<ReturnType<Parameters<typeof disturbExchanges>[0]>>, string][] = [
    ['for another server', { claims: { aud: 'https://elsewhere.example' } }, 'audience_not_supported'],
    ['for two servers', { claims: { aud: [audience, 'https://elsewhere.example'] } }, 'audience_not_supported'],
    ['for a server a slash away', { claims: { aud: `${audience}/` } }, 'audience_not_supported'],
    ['of somebody else', { claims: { sub: logins.second } }, 'policy_denied'],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, 'policy_denied'],
    ['an ID-JAG', { typ: 'oauth-id-jag+jwt' }, 'audience_not_supported'],
    ['no issued_token_type', { answer: { issued_token_type: undefined } }, 'audience_not_supported'],
    ['called an ID token', exchanged('id_token'), 'audience_not_supported'],
    ['called a refresh token', exchanged('refresh_token'), 'audience_not_supported'],
    ['of no use as a bearer', { answer: { token_type: 'N_A' } }, 'audience_not_supported'],
    ['bound to a key', { answer: { token_type: 'DPoP' } }, 'audience_not_supported'],
    ['opaque', { answer: { access_token: 'an-opaque-one' } }, 'audience_not_supported'],
    ['larger than a header', { claims: { more: 'x'.repeat(10_000) } }, 'audience_not_supported'],
    ['nested deep', { answer: { more: JSON.parse(nested) } }, 'identity_provider_unavailable']
  ]
  for (const [name, fault, code] of answers) {
    await emptyTokens(user)
    disturbExchanges(() => fault)
    await t.rejects(issue(user, provider), { code }, name)
  }
  t.same(await rows('select quirk from identity_broker.suspected_quirk'), [{ quirk: 'opaque_tokens_are_bound' }])
  disturbExchanges(() => undefined)
  t.equal(decodeJwt((await issue(user, provider)).token).aud, audience)
})

await t.test('a token whose end lies beyond every calendar is used for a day at most', async (t) => {
  const faults: NonNullable<ReturnType<Parameters<typeof disturbExchanges>[0]>>[] = [
    { claims: { exp: 1_795_000_000_000 }, answer: { expires_in: undefined } },
    { claims: { exp: 1e300 }, answer: { expires_in: 1e18 } },
    { claims: { exp: 4_000_000_000 }, answer: { expires_in: 'Infinity' } }
  ]
  for (const fault of faults) {
    await emptyTokens(user)
    disturbExchanges(() => fault)
    const { expires_at } = await issue(user, provider)
    t.ok(expires_at <= Date.now() / 1000 + 86_400 && expires_at > Date.now() / 1000 + 86_000)
  }
  for (const [fault, code] of [
    [{ claims: { exp: 0 } }, 'audience_not_supported'],
    [{ claims: { exp: -1e18 } }, 'audience_not_supported'],
    [{ answer: { expires_in: -1e300 } }, 'identity_provider_unavailable']
  ] as const) {
    await emptyTokens(user)
    disturbExchanges(() => fault)
    await t.rejects(issue(user, provider), { code })
  }
  disturbExchanges(() => undefined)
  await emptyTokens(user)
  t.equal(decodeJwt((await issue(user, provider)).token).aud, audience, 'and afterwards it goes on')
})

await t.test('what the IdP ended of what is exchanged is fetched anew, once', async (t) => {
  await emptyTokens(user)
  await issue(user, other)
  await rows("update identity_broker.minted_token set issued_at = now() - interval '2 minutes'")
  const before = refreshesOf(logins.user)
  let refused = 0
  disturbExchanges(() => {
    refused += 1
    return refused === 1 ? { error: { status: 400, error: 'invalid_request' } } : undefined
  })
  t.equal(decodeJwt((await issue(user, provider)).token).sub, logins.user)
  t.same([refused, refreshesOf(logins.user) - before], [2, 1])
  await rows("update identity_broker.minted_token set issued_at = now() where mode = 'subject_token'")
  await rows("delete from identity_broker.minted_token where mode = 'token_exchange'")
  refused = 0
  disturbExchanges(() => ({ error: { status: 400, error: 'invalid_request' } }))
  const later = broker.register('https://refused.example/mcp', { mode: 'token_exchange' })
  await t.rejects(issue(user, later), { code: 'policy_denied' })
  t.equal(refreshesOf(logins.user) - before, 1, 'not again within the minute')
  disturbExchanges(() => undefined)
})

await t.test('a token the server refused is exchanged anew, if it is still the one', async (t) => {
  await emptyTokens(user)
  const { token } = await issue(user, provider)
  const rejected_token_hash = hashOf(token)
  t.equal((await issue(user, provider, { rejected_token_hash })).token, token, 'it was made less than a minute ago')
  await rows("update identity_broker.minted_token set issued_at = now() - interval '2 minutes'")
  const before = refreshesOf(logins.user)
  const { token: next } = await issue(user, provider, { rejected_token_hash })
  t.not(next, token)
  t.equal(refreshesOf(logins.user), before, 'without a refresh')
})

await t.test('what was exchanged while tokens were emptied, or the grant ended, is handed to nobody', async (t) => {
  await emptyTokens(user)
  await issue(user, other)
  let count = 0
  disturbExchanges(() => {
    count += 1
    return { claims: { jti: `exchange ${count}` } }
  })
  const [held, asking] = [idp.controls.holdTokenRequest('answer'), issue(user, provider)]
  const { release } = await held
  t.equal(await emptyTokens(user), 204)
  release()
  t.equal(decodeJwt((await asking).token).jti, 'exchange 2')

  const later = broker.register('https://revoked.example/mcp', { mode: 'token_exchange' })
  const [heldAgain, refused] = [idp.controls.holdTokenRequest('answer'), issue(user, later)]
  const rejected = t.rejects(refused, { code: 'identity_refresh_rejected' })
  const { release: releaseAgain } = await heldAgain
  t.equal(await revoke(user), 200)
  releaseAgain()
  await rejected
  disturbExchanges(() => undefined)
})

await t.test('who is not signed in, or whose grant ended, is told where to', async (t) => {
  const within = { deadlineAt: Date.now() + 20_000 }
  const asked = { key_hash: hashOf(broker.apiKey), user_id: broker.userIds[logins.absent] ?? '' }
  const absent = await call(bus, resolveApiKey, asked, within)
  await t.rejects(issue({ ticket: async () => absent.ticket }, provider), {
    code: 'no_refresh_token',
    extras: { connect_url: /\/connect\?link=ey/ }
  })
  idp.revokeGrantsOf(logins.second)
  await emptyTokens(second)
  await t.rejects(issue(second, provider), {
    code: 'identity_refresh_rejected',
    extras: { connect_url: /\/connect\?link=ey/ }
  })
})

await t.test('each token, and each refusal, is on record, and nothing of it can be read', async (t) => {
  const again = await signInAs(broker, logins.user)
  const { token } = await issue(again, provider)
  const refusals = ['policy_denied', 'audience_not_supported', 'identity_provider_unavailable']
  // Refusals are put on record behind their answers.
  const recorded = await eventually(
    () => recordsOf(audience),
    (found) => refusals.every((outcome) => found.has(outcome))
  )
  t.match(recorded.get('issued'), { mode: 'token_exchange', has_grant: true })
  for (const outcome of refusals) t.match(recorded.get(outcome), { mode: 'token_exchange', has_grant: false }, outcome)
  for (const table of ['minted_token', 'issuance']) {
    const texts = (await rows(`select x::text as text from identity_broker.${table} x`)).map(({ text }) => String(text))
    t.notOk(
      texts.some((text) => text.includes(token) || text.includes(Buffer.from(token).toString('hex'))),
      table
    )
  }
})

async function recordsOf(of: string) {
  const recorded = await rows(
    `select mode, outcome, grant_id is not null as has_grant from identity_broker.issuance where audience = '${of}'`
  )
  return new Map(recorded.map((one) => [one.outcome, one]))
}
