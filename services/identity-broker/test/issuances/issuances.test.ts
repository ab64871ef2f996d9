import { randomUUID } from 'node:crypto'
import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf, newId, openPostgres } from '@onbehalf/service-kit'
import { eventually, recordSecrets, until } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import type { Database } from '../../src/database.ts'
import { createIssuanceRecorder } from '../../src/issuances/record.ts'
import { issuanceStore } from '../../src/issuances/store.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const { bus, tenantId } = broker
const audience = 'http://127.0.0.1:9/mcp'
const provider = broker.register(audience, { server_identifier: 'tools' })
const other = broker.register('http://127.0.0.1:9/other', { server_identifier: 'other' })
const owner = await signInAs(broker, logins.owner)
const user = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())

const within = () => ({ deadlineAt: Date.now() + 20_000 })
const issueWith = async (principal: string, of = provider) =>
  call(bus, issueToken, { principal, provider: await broker.mcpProvider.ticketFor(of) }, within())
const asUser = async (who: SignedIn, of = provider) => issueWith(await who.ticket(), of)
const asApp = async (user_id: string) =>
  issueWith((await call(bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id }, within())).ticket)
const asInstallation = (user_id: string) =>
  broker.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers: { 'enterprise-api-secret-key': broker.secret },
    payload: { tenant_id: tenantId, user_id, audience }
  })

type Row = {
  id: string
  user_id: string
  actor: { kind: string; name: string | null }
  outcome: string
  times: number
  jti: string
}
const visit = async (who: SignedIn, path: string) => {
  const page = await who.browser.visit(`${broker.publicUrl}${path}`)
  return { status: page.status, body: JSON.parse(page.body) }
}
const listOf = async (who: SignedIn, query = ''): Promise<Row[]> =>
  (await visit(who, `/v1/issuances${query}`)).body.data
await t.test('a token is on record, with who was given it, before it is handed out', async (t) => {
  const { token } = await asUser(user)
  const { jti, exp } = decodeJwt(token)
  const [row, ...others] = await listOf(user)
  t.same(others, [])
  t.match(row, {
    ...{ user_id: user.userId, actor: { kind: 'user', id: user.userId, name: null } },
    ...{ audience, mode: 'idp_token', outcome: 'issued', jti, times: 1, generation: 2 },
    expires_at: new Date(Number(exp) * 1000).toISOString()
  })
  t.notMatch(JSON.stringify(row), token)
})

await t.test('everybody who is given the kept one has a row of their own, and uses are counted', async (t) => {
  for (let use = 0; use < 3; use += 1) await asApp(user.userId)
  t.equal((await asInstallation(user.userId)).statusCode, 200)
  // Uses are counted behind the answers, so a look may come before them.
  const rows = await eventually(
    () => listOf(user),
    (found) => found.some(({ times }) => times === 3)
  )
  t.same(
    rows.map(({ actor, times }) => [actor.kind, actor.name, times]),
    [
      ['installation', 'platform', 1],
      ['app', 'flows', 3],
      ['user', null, 1]
    ]
  )
  t.equal(new Set(rows.map(({ jti }) => jti)).size, 1, 'one token')
})

await t.test('replicas count the same token in the same row', async (t) => {
  await broker.addReplica()
  await Promise.all(Array.from({ length: 40 }, () => asUser(owner)))
  const rows = await eventually(
    () => listOf(owner, `?user_id=${owner.userId}`),
    ([row]) => row?.times === 40
  )
  t.equal(rows.length, 1)
})

await t.test('what is refused is one row an hour, however often it is asked', async (t) => {
  const later = broker.register('http://127.0.0.1:9/later', { server_identifier: 'later' })
  // Not over the end of one.
  await until(() => Date.now() % 3_600_000 < 3_590_000, 20)
  for (let attempt = 0; attempt < 5; attempt += 1)
    await t.rejects(asUser(user, later), { code: 'resource_not_granted' })
  const rows = await eventually(
    () => listOf(user, '?outcome=resource_not_granted'),
    ([row]) => row?.times === 5
  )
  t.match(rows, [{ outcome: 'resource_not_granted', audience: later.audience, jti: null, generation: null, times: 5 }])
})

await t.test(
  'a member sees what was done as them, an administrator the tenant’s, another tenant nothing',
  async (t) => {
    const userOf = ({ user_id }: Row) => user_id
    t.same(new Set((await listOf(user)).map(userOf)), new Set([user.userId]))
    t.same(new Set((await listOf(user, `?user_id=${owner.userId}`)).map(userOf)), new Set([user.userId]))
    t.same(new Set((await listOf(owner)).map(userOf)), new Set([user.userId, owner.userId]))
    t.same(await listOf(stranger), [])
    const [{ id }] = (await visit(user, '/v1/grants')).body.data
    const ofGrant = await visit(user, `/v1/grants/${id}/issuances?outcome=issued`)
    t.equal(ofGrant.body.data.length, 3)
    t.equal((await visit(owner, `/v1/grants/${id}/issuances`)).body.data.length, 3)
    t.equal((await visit(stranger, `/v1/grants/${id}/issuances`)).status, 404)
    const [{ id: foreign }] = (await visit(owner, `/v1/grants?user_id=${owner.userId}`)).body.data
    t.equal((await visit(user, `/v1/grants/${foreign}/issuances`)).status, 404)
  }
)

await t.test('pages are walked, and what is asked for is narrowed', async (t) => {
  await asUser(user, other)
  const all = await listOf(user)
  const walked: Row[] = []
  for (let path = '/v1/issuances?limit=2'; path; ) {
    const { body } = await visit(user, path)
    walked.push(...body.data)
    path = body.next_cursor ? `/v1/issuances?limit=2&cursor=${body.next_cursor}` : ''
  }
  t.same(walked, all)
  const [newest] = all
  t.same(await listOf(user, `?audience=${encodeURIComponent(other.audience)}`), [newest])
  const appId = (await listOf(user)).find(({ actor }) => actor.kind === 'app')
  t.equal((await listOf(user, `?actor_id=${Object(appId?.actor).id}`)).length, 1)
  t.same(await listOf(user, '?since=2999-01-01T00:00:00Z'), [])
  t.same(await listOf(user, '?until=2000-01-01T00:00:00Z'), [])
  t.equal((await listOf(user, '?since=2000-01-01T00:00:00Z')).length, all.length)
  for (const query of [
    '?limit=0',
    '?limit=201',
    '?cursor=x',
    '?outcome=A%20B',
    '?since=yesterday',
    '?until=0000-01-01T00:00:00Z',
    '?audience=%00',
    '?mood=good'
  ])
    t.equal((await visit(user, `/v1/issuances${query}`)).status, 400, query)
})

await t.test('what Postgres does not take of one user costs no other user a token', async (t) => {
  const { db, runPrepared, close } = await openPostgres<Database>(broker.config.DATABASE_URL)
  t.teardown(close)
  const recorder = createIssuanceRecorder(issuanceStore(db, runPrepared))
  const left: string[] = []
  recorder.onUnfit((_error, row) => left.push(row.user_id))
  const give = (who: SignedIn, expires_at: number) => {
    const token = randomUUID()
    recordSecrets([token])
    return recorder.issued(
      {
        ...{ tenant_id: tenantId, user_id: who.userId, actor: { kind: 'user', id: who.userId }, app_id: null },
        ...{ mode: 'idp_token', provider: { audience, scopes: [] }, call: 'any', rejectedTokenHash: undefined },
        deadlineAt: 0
      },
      {
        ...{ token, expires_at, reusable: true, subject: 'ann', jti: 'j', generation: 1 },
        ...{ grant_id: null, connection_id: null }
      }
    )
  }
  const [far, near] = await Promise.allSettled([give(user, 1_795_000_000_000_000), give(owner, 1_795_000_000)])
  t.match(far, { status: 'rejected', reason: { code: 'recording_unavailable' } })
  t.equal(near.status, 'fulfilled')
  t.same(left, [user.userId])
  await recorder.close()
})

await t.test('a token for one call is one row, also where nobody knows whether it was written', async (t) => {
  const { db, runPrepared, close } = await openPostgres<Database>(broker.config.DATABASE_URL)
  t.teardown(close)
  const { insert, count } = issuanceStore(db, runPrepared)
  const odd = 'http://127.0.0.1:9/"odd",\\{NULL}'
  const once = {
    ...({
      id: newId(),
      tenant_id: tenantId,
      user_id: owner.userId,
      actor_kind: 'user',
      actor_id: owner.userId
    } as const),
    ...{ grant_id: null, audience: odd, mode: 'signed', outcome: 'issued', jti: randomUUID(), token_hash: null },
    ...{ generation: null, expires_at: 1_795_000_000, times: 1 }
  }
  const kept = { ...once, id: newId(), jti: 'kept', token_hash: randomUUID() }
  for (const rows of [[once], [once, kept], [kept]]) await insert(rows)
  const use = { token_hash: kept.token_hash, actor_kind: 'user', actor_id: owner.userId, times: 5 } as const
  await count([use, { ...use, actor_id: user.userId }])
  const stored = await database.query(
    'select jti, audience, times, expires_at from identity_broker.issuance where id = any($1)',
    [[once.id, kept.id]]
  )
  t.strictSame(
    stored.rows.sort((one, other) => one.times - other.times),
    [
      { jti: once.jti, audience: odd, times: 1, expires_at: new Date(1_795_000_000_000) },
      { jti: 'kept', audience: odd, times: 7, expires_at: new Date(1_795_000_000_000) }
    ]
  )
})

await t.test('what is too old is forgotten', async (t) => {
  const { db, runPrepared, close } = await openPostgres<Database>(broker.config.DATABASE_URL)
  t.teardown(close)
  const store = issuanceStore(db, runPrepared)
  await database.query(
    `update identity_broker.issuance set last_at = now() - interval '91 days' where user_id = $1 and outcome = 'issued'`,
    [user.userId]
  )
  t.equal(await store.forget(90), false)
  t.same(
    (await listOf(user)).map(({ outcome }) => outcome),
    ['resource_not_granted']
  )
})

await t.test('a tenant that is deleted takes its records along, and no others', async (t) => {
  const recordsOf = async ({ userId }: SignedIn) => {
    const found = await database.query('select id from identity_broker.issuance where user_id = $1 order by id', [
      userId
    ])
    return found.rows
  }
  const theirs = { tenant_id: broker.otherTenantId, mode: 'signed', server_identifier: 'theirs' } as const
  await asUser(stranger, broker.register('http://127.0.0.1:9/theirs', theirs))
  await eventually(
    () => recordsOf(stranger),
    (rows) => rows.length === 1
  )
  const others = await recordsOf(owner)
  await database.query('delete from identity_broker.tenant where id = $1', [broker.otherTenantId])
  t.same(await recordsOf(stranger), [])
  t.same(await recordsOf(owner), others)
  t.ok(others.length > 0)
})
