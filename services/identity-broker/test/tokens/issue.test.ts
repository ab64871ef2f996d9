import { issueToken, principalTicket, resolveApiKey } from '@onbehalf/contracts'
import { call, signTicket } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { makeKeyPair, withDatabase } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const { bus, idp, mcpProvider, tenantId } = broker
const audience = 'http://127.0.0.1:9/mcp'
const provider = broker.register(audience, { server_identifier: 'tools' })
const other = broker.register('http://127.0.0.1:9/other', { server_identifier: 'other' })
const user = await signInAs(broker, logins.user)
const second = await signInAs(broker, logins.second)
const database = new Client({ connectionString: withDatabase(broker.backends.adminDatabaseUrl, nameOf(broker)) })
await database.connect()
t.teardown(() => database.end())

const within = () => ({ deadlineAt: Date.now() + 20_000 })
const ticketOf = () => mcpProvider.ticketFor(provider)
const issue = async (who: Pick<SignedIn, 'ticket'>, more: { provider?: string; rejected_token_hash?: string } = {}) =>
  call(bus, issueToken, { principal: await who.ticket(), provider: await ticketOf(), ...more }, within())
const refreshesOf = (login: string) => idp.log().refreshes_by_user[login] ?? 0
const emptyTokens = async (whose: SignedIn) => {
  const { rows } = await database.query('select id from identity_broker."grant" where user_id = $1', [whose.userId])
  const { status } = await whose.browser.visit(`${broker.publicUrl}/v1/grants/${rows[0].id}/tokens`, {
    method: 'DELETE',
    headers: { 'x-csrf-token': whose.csrf }
  })
  t.equal(status, 204)
}

await t.test('a token is of the user of the one ticket and for the server of the other', async (t) => {
  const reply = await issue(user)
  const { token, expires_at, reusable, identity } = reply
  const { aud, sub, iss, exp } = decodeJwt(token)
  t.same([aud, sub, iss, exp], [audience, logins.user, idp.issuer, expires_at])
  t.match(identity, { mode: 'idp_token', user_id: user.userId, subject: logins.user, audience })
  t.equal(reusable, true)
  for (const time of ['second', 'third'])
    t.same(await issue(user), reply, `and is kept: the ${time} answer is the first`)
  t.equal(decodeJwt((await issue(second)).token).sub, logins.second, 'another user gets another one')
})

await t.test('nothing but two good tickets of one tenant is believed', async (t) => {
  const principal = await user.ticket()
  const good = await ticketOf()
  const foreign = await mcpProvider.ticketFor({ ...provider, tenant_id: broker.otherTenantId })
  const { signingKey } = await makeKeyPair()
  const claims = { kind: 'user', tenant_id: tenantId, user_id: user.userId, role: 'owner' } as const
  const credential = { kind: 'session', id: user.sessionId } as const
  const forge = (issuer: string) => signTicket(principalTicket, { ...claims, credential }, { issuer, key: signingKey })
  const { ticket: forged } = await forge('identity-broker')
  const { ticket: notAllowed } = await forge('tool-invoker')
  const tampered = `${principal.slice(0, -4)}AAAA`
  const attempts = {
    'the tickets swapped': [good, principal],
    'the principal twice': [principal, principal],
    'the provider twice': [good, good],
    'tickets of two tenants': [principal, foreign],
    'a principal signed by nobody we know': [forged, good],
    'a principal signed by a service that may not': [notAllowed, good],
    'a changed signature': [tampered, good],
    'no ticket at all': ['x', good]
  }
  for (const [name, [who = '', what = '']] of Object.entries(attempts))
    await t.rejects(
      call(bus, issueToken, { principal: who, provider: what }, within()),
      { code: 'policy_denied' },
      name
    )
})

await t.test('an app acts for a user only when one is named, and never for one of another tenant', async (t) => {
  const resolve = (user_id?: string) =>
    call(bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), ...(user_id ? { user_id } : {}) }, within())
  const nobody = await resolve()
  const alone = { ticket: async () => nobody.ticket }
  await t.rejects(issue(alone), { code: 'user_required' })
  const acting = await resolve(user.userId)
  t.equal(decodeJwt((await issue({ ticket: async () => acting.ticket })).token).sub, logins.user)
  const { rows } = await database.query('select id from identity_broker."user" where tenant_id = $1', [
    broker.otherTenantId
  ])
  await t.rejects(resolve(rows[0].id), { code: 'no_refresh_token' })
})

await t.test('who never signed in is told where to', async (t) => {
  const absent = await call(
    bus,
    resolveApiKey,
    { key_hash: hashOf(broker.apiKey), user_id: broker.userIds[logins.absent] ?? '' },
    within()
  )
  const refused = issue({ ticket: async () => absent.ticket })
  await t.rejects(refused, { code: 'no_refresh_token', extras: { connect_url: /\/connect\?link=ey/ } })
})

await t.test('a server that was not part of the sign-in never reaches the IdP', async (t) => {
  const later = broker.register('http://127.0.0.1:9/later', { server_identifier: 'later' })
  const before = refreshesOf(logins.user)
  const refused = issue(user, { provider: await mcpProvider.ticketFor(later) })
  await t.rejects(refused, { code: 'resource_not_granted', extras: { connect_url: /\/connect\?link=ey/ } })
  t.equal(refreshesOf(logins.user), before)
})

await t.test('a server whose mode is off gets no token', async (t) => {
  const ticket = await mcpProvider.ticketFor({ ...provider, mode: 'off' })
  await t.rejects(issue(user, { provider: ticket }), { code: 'policy_denied' })
})

await t.test('a mode that is not known here gets no token, whoever signed for it', async (t) => {
  for (const mode of ['of_tomorrow', 'constructor'])
    await t.rejects(issue(user, { provider: await mcpProvider.ticketFor({ ...provider, mode }) }), {
      code: 'policy_denied',
      message: new RegExp(`"${mode}"`)
    })
})

await t.test('300 callers at three replicas see one refresh and one token', async (t) => {
  await broker.addReplica()
  await broker.addReplica()
  await emptyTokens(user)
  const before = refreshesOf(logins.user)
  // One ticket: 300 looks at a session would wait for Postgres longer than a busy machine lets them.
  const ticket = await user.ticket()
  const tokens = await Promise.all(Array.from({ length: 300 }, () => issue({ ticket: async () => ticket })))
  t.equal(new Set(tokens.map(({ token }) => token)).size, 1)
  t.equal(refreshesOf(logins.user) - before, 1)
})

await t.test('two servers asked for at once are two refreshes, one after the other', async (t) => {
  await emptyTokens(user)
  const before = refreshesOf(logins.user)
  const otherTicket = await mcpProvider.ticketFor(other)
  const asked = Array.from({ length: 20 }, (_, index) => issue(user, index % 2 ? { provider: otherTicket } : {}))
  const tokens = await Promise.all(asked)
  t.same(new Set(tokens.map(({ token }) => decodeJwt(token).aud)), new Set([audience, other.audience]))
  t.equal(refreshesOf(logins.user) - before, 2)
})

await t.test('a token the server refused is replaced only if it is still the one, and not at once again', async (t) => {
  const { token } = await issue(user)
  const rejected_token_hash = hashOf(token)
  t.equal((await issue(user, { rejected_token_hash })).token, token, 'it was made less than a minute ago')
  await database.query("update identity_broker.minted_token set issued_at = now() - interval '2 minutes'")
  const { token: next } = await issue(user, { rejected_token_hash })
  t.not(next, token)
  await database.query("update identity_broker.minted_token set issued_at = now() - interval '2 minutes'")
  t.equal((await issue(user, { rejected_token_hash })).token, next, 'an older one changes nothing')
})

await t.test('what rests in the rows is sealed', async (t) => {
  const { token } = await issue(user)
  for (const table of ['"grant"', 'minted_token', 'connection', 'signing_key', 'issuance']) {
    const { rows } = await database.query(`select x::text as text from identity_broker.${table} x`)
    t.ok(rows.length > 0, table)
    t.notOk(rows.some((row) => row.text.includes(token) || row.text.includes(Buffer.from(token).toString('hex'))))
  }
})

await t.test('an IdP in trouble costs nobody their grant', async (t) => {
  for (const [fault, code] of [
    ['503', 'identity_provider_unavailable'],
    ['429', 'identity_provider_unavailable'],
    ['unauthorized_client', 'identity_provider_unavailable']
  ] as const) {
    await database.query('update identity_broker."grant" set lease_until = null, backoff_until = null, attempt = 0')
    await emptyTokens(user)
    idp.controls.failTokenEndpoint(fault, 1)
    await t.rejects(issue(user), { code }, fault)
    const { rows } = await database.query('select dead_reason from identity_broker."grant" where user_id = $1', [
      user.userId
    ])
    t.equal(rows[0].dead_reason, null, `${fault}: the grant stays`)
  }
  await database.query('update identity_broker."grant" set lease_until = null, backoff_until = null, attempt = 0')
  t.equal(decodeJwt((await issue(user)).token).sub, logins.user, 'and calls go on afterwards')
})

await t.test('after an unknown outcome the token waits for the lease, and is presented just once more', async (t) => {
  await emptyTokens(second)
  idp.controls.failTokenEndpoint('reset', 1)
  const before = refreshesOf(logins.second)
  await t.rejects(issue(second), { code: 'identity_provider_unavailable' })
  const { rows } = await database.query(
    'select attempt, lease_until > now() as is_held from identity_broker."grant" where user_id = $1',
    [second.userId]
  )
  t.match(rows[0], { attempt: 1, is_held: true })
  await database.query('update identity_broker."grant" set lease_until = now() where user_id = $1', [second.userId])
  t.equal(decodeJwt((await issue(second)).token).sub, logins.second, 'the IdP had never seen it')
  t.equal(refreshesOf(logins.second) - before, 1)
})

await t.test('an answer that was lost after the IdP rotated ends the grant, as "sign in again"', async (t) => {
  await emptyTokens(second)
  idp.controls.failTokenEndpoint('lost', 1)
  await t.rejects(issue(second), { code: 'identity_provider_unavailable' })
  await database.query('update identity_broker."grant" set lease_until = now() where user_id = $1', [second.userId])
  await t.rejects(issue(second), { code: 'identity_refresh_rejected', extras: { connect_url: /connect/ } })
  const { rows } = await database.query(
    'select dead_reason, refresh_token from identity_broker."grant" where user_id = $1',
    [second.userId]
  )
  t.match(rows[0], { dead_reason: 'answer_lost', refresh_token: null })
  const asked = refreshesOf(logins.second)
  await t.rejects(issue(second), { code: 'identity_refresh_rejected' })
  t.equal(refreshesOf(logins.second), asked, 'and the IdP is not asked again')
})

await t.test('a rejected refresh token is dead, and a new sign-in brings it back', async (t) => {
  idp.revokeGrantsOf(logins.user)
  await emptyTokens(user)
  await t.rejects(issue(user), { code: 'identity_refresh_rejected' })
  const again = await signInAs(broker, logins.user)
  t.equal(decodeJwt((await issue(again)).token).sub, logins.user)
})

await t.test('a caller that gives up leaves the refresh to finish', async (t) => {
  const again = await signInAs(broker, logins.user)
  const principal = await again.ticket()
  const hurried = call(bus, issueToken, { principal, provider: await ticketOf() }, { deadlineAt: Date.now() + 3 })
  await t.rejects(hurried, { code: 'unavailable' })
  const before = refreshesOf(logins.user)
  t.equal(decodeJwt((await issue(again)).token).sub, logins.user)
  t.ok(refreshesOf(logins.user) - before <= 1)
})

function nameOf({ backends }: typeof broker): string {
  return new URL(backends.adminDatabaseUrl).pathname.slice(1)
}
