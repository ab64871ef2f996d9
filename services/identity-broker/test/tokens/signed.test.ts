import { randomUUID } from 'node:crypto'
import { type CallBinding, issueToken, listBrokerKeys, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { eventually, recordSecrets, withDatabase } from '@onbehalf/testkit'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { listenToChanges, logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const unverified = { sub: 'vera', email: 'vera@acme.test', email_verified: false, name: 'vera' }
const broker = await startBroker(t, { users: [unverified] })
const { bus, idp, mcpProvider, tenantId, otherTenantId, publicUrl } = broker
const audience = 'http://127.0.0.1:9/mcp'
const provider = broker.register(audience, { server_identifier: 'tools', mode: 'signed' })
const user = await signInAs(broker, logins.user)
const database = new Client({
  connectionString: withDatabase(
    broker.backends.adminDatabaseUrl,
    new URL(broker.backends.adminDatabaseUrl).pathname.slice(1)
  )
})
await database.connect()
t.teardown(() => database.end())

const binding: CallBinding = { tool: 'whoami', arguments_digest: hashOf('{}') }
const within = () => ({ deadlineAt: Date.now() + 20_000 })
const issue = async (who: Pick<SignedIn, 'ticket'>, more: { provider?: string; call?: CallBinding } = {}) => {
  const tickets = { principal: await who.ticket(), provider: await mcpProvider.ticketFor(provider) }
  const minted = await call(bus, issueToken, { ...tickets, call: binding, ...more }, within())
  recordSecrets([minted.token])
  return minted
}
const actingFor = (user_id: string) => ({
  ticket: async () => (await call(bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id }, within())).ticket
})
const issuerOf = (tenant: string) => `${publicUrl}/t/${tenant}`
const ask = async (path: string) => {
  const response = await fetch(publicUrl + path)
  const body: Record<string, unknown> = JSON.parse(await response.text())
  return { status: response.status, headers: response.headers, body }
}

/** What tokens say of when somebody signed in, as the one and the other replica signs them. */
const tenTimes = (who: Pick<SignedIn, 'ticket'>) =>
  Promise.all(Array.from({ length: 10 }, async () => Number(decodeJwt((await issue(who)).token).auth_time)))
/** Users are held until a sign-in is heard of. */
const tenTimesUntil = (who: Pick<SignedIn, 'ticket'>, isFine: (time: number) => boolean) =>
  eventually(
    () => tenTimes(who),
    (times) => times.every(isFine)
  )
const refreshes = () => idp.log().refreshes_by_user[logins.user] ?? 0

await t.test('a signed token says who, for whom, at which server and for which call, for a minute', async (t) => {
  const before = refreshes()
  const { token, expires_at, reusable, identity } = await issue(user)
  t.match(decodeProtectedHeader(token), { alg: 'ES256', typ: 'at+jwt', kid: /.+/ })
  const { payload } = await jwtVerify(
    token,
    createRemoteJWKSet(new URL(`${issuerOf(tenantId)}/.well-known/jwks.json`)),
    { issuer: issuerOf(tenantId), audience, typ: 'at+jwt', algorithms: ['ES256'] }
  )
  const { iat = 0, exp = 0, jti = '', auth_time } = payload
  t.same(payload, {
    ...{ iss: issuerOf(tenantId), sub: user.userId, aud: audience, client_id: 'onbehalf' },
    ...{ email: `${logins.user}@acme.test`, email_verified: true, auth_time },
    ...{ ...binding, jti, iat, exp }
  })
  t.equal(exp - iat, 60)
  t.ok(Number(auth_time) <= iat && Number(auth_time) > iat - 60, 'the sign-in was just now')
  t.same([expires_at, reusable], [exp, false])
  t.match(identity, { mode: 'signed', user_id: user.userId, subject: user.userId, audience, jti, grant_id: null })
  t.equal(refreshes(), before, 'and the IdP is not asked')
})

await t.test('what else is in the message that asks says nothing in the token', async (t) => {
  const more = { sub: 'somebody', aud: 'https://other.example', iss: 'x', act: { sub: 'x' }, email: 'x@y.z', exp: 9e9 }
  const { token } = await issue(user, { call: { ...binding, ...more } })
  t.match(decodeJwt(token), { ...binding, sub: user.userId, aud: audience, iss: issuerOf(tenantId) })
  t.match(decodeJwt(token), { act: undefined, email: `${logins.user}@acme.test` })
})

await t.test('each is another one, and none is kept', async (t) => {
  const tokens = await Promise.all(Array.from({ length: 50 }, () => issue(user)))
  t.equal(new Set(tokens.map(({ identity }) => identity.jti)).size, 50)
  const { rows } = await database.query("select from identity_broker.minted_token where mode = 'signed'")
  t.equal(rows.length, 0)
})

await t.test('an app that acts for the user is named as the actor', async (t) => {
  const { token } = await issue(actingFor(user.userId))
  const { client_id, act, sub } = decodeJwt(token)
  t.equal(sub, user.userId)
  t.match(client_id, /^[0-9a-f-]{36}$/)
  t.same(act, { sub: client_id })
})

await t.test('without a call, where tools are listed, it is for no tool', async (t) => {
  const request = { principal: await user.ticket(), provider: await mcpProvider.ticketFor(provider) }
  const { token } = await call(bus, issueToken, request, within())
  t.same([decodeJwt(token).tool, decodeJwt(token).arguments_digest], [null, undefined])
})

await t.test('an e-mail that the IdP has not verified is left out', async (t) => {
  const { token } = await issue(await signInAs(broker, unverified.sub))
  const claims = decodeJwt(token)
  t.same([claims.email, claims.email_verified], [undefined, undefined])
})

await t.test('the subject stays the same, and is another one in another tenant', async (t) => {
  const owner = await signInAs(broker, logins.owner)
  const again = await signInAs(broker, logins.owner)
  const elsewhere = await signInAs(broker, logins.owner, 'globex')
  const there = mcpProvider.register({ server_url: audience, tenant_id: otherTenantId, mode: 'signed' })
  const subjects = [
    decodeJwt((await issue(owner)).token),
    decodeJwt((await issue(again)).token),
    decodeJwt((await issue(elsewhere, { provider: await mcpProvider.ticketFor(there) })).token)
  ]
  t.equal(subjects[0]?.sub, subjects[1]?.sub)
  t.not(subjects[0]?.sub, subjects[2]?.sub)
  t.same(
    subjects.map(({ iss }) => iss),
    [issuerOf(tenantId), issuerOf(tenantId), issuerOf(otherTenantId)]
  )
  t.notOk(subjects.some((claims) => JSON.stringify({ ...claims, email: '' }).includes(`"${logins.owner}"`)))
})

await t.test('a sign-in shows in the next token, whichever replica signs it', async (t) => {
  await broker.addReplica()
  const { userId } = await signInAs(broker, logins.second)
  await database.query(`update identity_broker."user" set signed_in_at = now() - interval '1 hour' where id = $1`, [
    userId
  ])
  const acting = actingFor(userId)
  const anHourAgo = Math.floor(Date.now() / 1000) - 3_500
  for (const time of await tenTimes(acting)) t.ok(time < anHourAgo)
  const { heard } = await listenToChanges(t, broker)
  await signInAs(broker, logins.second)
  await t.resolves(heard('user', userId), 'who holds them is told, and need not wait until nothing is held any more')
  const isNew = (time: number) => time > anHourAgo
  t.ok((await tenTimesUntil(acting, isNew)).every(isNew))
})

await t.test('of who was only identified for a device, it says when that was', async (t) => {
  const identified = "identified_at = '2026-01-02T03:04:05Z'"
  for (const [signedIn, counts] of [
    ['null', '2026-01-02T03:04:05Z'],
    ["'2026-02-03T04:05:06Z'", '2026-02-03T04:05:06Z']
  ] as const) {
    const expected = Date.parse(counts) / 1000
    const { userId, ...who } = await signInAs(broker, logins.second)
    const times = `signed_in_at = ${signedIn}, ${identified}`
    await database.query(`update identity_broker."user" set ${times} where id = $1`, [userId])
    const isIt = (time: number) => time === expected
    t.ok((await tenTimesUntil(who, isIt)).every(isIt), 'the later one counts')
  }
})

await t.test('who never signed in is told where to, and gets no token', async (t) => {
  await t.rejects(issue(actingFor(broker.userIds[logins.absent] ?? '')), {
    code: 'no_refresh_token',
    extras: { connect_url: /\/connect\?link=ey/ }
  })
})

await t.test('a user without any grant that lives gets one all the same', async (t) => {
  await database.query(
    `update identity_broker."grant" set refresh_token = null, dead_reason = 'rejected' where user_id = $1`,
    [user.userId]
  )
  t.equal(decodeJwt((await issue(user)).token).sub, user.userId)
})

await t.test('it opens nothing of ours: no session, no ticket, no bearer', async (t) => {
  const { token } = await issue(user)
  const asCookie = await fetch(`${publicUrl}/auth/me`, { headers: { cookie: `onbehalf_session=${token}` } })
  t.equal(asCookie.status, 401)
  for (const path of ['/v1/grants', '/auth/me']) {
    const { status } = await fetch(publicUrl + path, { headers: { authorization: `Bearer ${token}` } })
    t.equal(status, 401, path)
  }
  const good = await mcpProvider.ticketFor(provider)
  const attempts = { 'as a principal': [token, good], 'as a provider': [await user.ticket(), token] }
  for (const [name, [principal = '', statement = '']] of Object.entries(attempts))
    await t.rejects(
      call(bus, issueToken, { principal, provider: statement }, within()),
      { code: 'policy_denied' },
      name
    )
  await t.rejects(call(bus, resolveApiKey, { key_hash: hashOf(token) }, within()), { code: 'invalid_bearer' })
})

await t.test("its keys are nobody else's: not those of sessions or tickets, nor another tenant's", async (t) => {
  const kidsOf = async (path: string) => {
    const { body } = await ask(path)
    return (Array.isArray(body.keys) ? body.keys : []).map(({ kid }) => String(kid))
  }
  const all = [
    await kidsOf(`/t/${tenantId}/.well-known/jwks.json`),
    await kidsOf(`/t/${otherTenantId}/.well-known/jwks.json`),
    await kidsOf('/auth/jwks.json'),
    (await call(bus, listBrokerKeys, {}, within())).ticket.map(({ kid }) => kid)
  ]
  t.ok(all.every(({ length }) => length > 0))
  t.equal(new Set(all.flat()).size, all.flat().length)
})

await t.test('the issuer is found by discovery, which promises nothing that is not there', async (t) => {
  const places = [
    `/t/${tenantId}/.well-known/openid-configuration`,
    `/.well-known/oauth-authorization-server/t/${tenantId}`
  ]
  for (const place of places) {
    const { status, headers, body } = await ask(place)
    t.equal(status, 200)
    t.equal(headers.get('cache-control'), 'public, max-age=300')
    t.match(body, { issuer: issuerOf(tenantId), jwks_uri: `${issuerOf(tenantId)}/.well-known/jwks.json` })
    t.same([body.response_types_supported, body.grant_types_supported], [[], []])
    t.notOk(Object.keys(body).some((name) => name.endsWith('_endpoint')))
  }
  const { headers, body } = await ask(`/t/${tenantId}/.well-known/jwks.json`)
  t.equal(headers.get('cache-control'), 'public, max-age=300')
  t.match(body, { keys: [{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }] })
  t.notMatch(JSON.stringify(body), /"d":/)
})

await t.test('a slug, another spelling and a tenant that is not there are no issuers, and get no keys', async (t) => {
  const before = await database.query('select id from identity_broker.signing_key')
  for (const tenant of ['acme', tenantId.toUpperCase(), randomUUID(), 'x', '%00'])
    for (const path of [`/t/${tenant}/.well-known/openid-configuration`, `/t/${tenant}/.well-known/jwks.json`])
      t.equal((await ask(path)).status, 404, path)
  const after = await database.query('select id from identity_broker.signing_key')
  t.equal(after.rowCount, before.rowCount)
})

await t.test('the private key of a tenant rests sealed for that tenant', async (t) => {
  const { rows } = await database.query(
    `select private_jwk from identity_broker.signing_key where purpose = 'issuer' and tenant_id = $1`,
    [tenantId]
  )
  t.equal(rows.length, 1)
  t.notMatch(rows[0].private_jwk.toString('latin1'), /"crv"|"kty"/)
  const keys = await database.query('select from identity_broker.data_key where tenant_id = $1', [tenantId])
  t.ok(keys.rowCount)
})
