import { ReportedError } from '@onbehalf/errors'
import { eventually } from '@onbehalf/testkit'
import { subjectOf } from '@onbehalf/testkit/players'
import pg from 'pg'
import t from 'tap'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { app, call, broker, providers, issuer, recording } = stage
const admin = new pg.Client({ connectionString: stage.backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())

const register = (tenant_id: string, more = {}) =>
  providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token', ...more })

const rowsOf = async (tenant_id: string): Promise<Record<string, unknown>[]> => {
  const { rows } = await admin.query('select * from tool_invoker.call where tenant_id = $1 order by started_at, id', [
    tenant_id
  ])
  return rows
}
/** The rows of a tenant once there are so many; they are written behind the answers. */
const untilRows = (tenant_id: string, count: number) =>
  eventually(
    () => rowsOf(tenant_id),
    ({ length }) => length >= count
  )
const listen = async (server = app): Promise<string> => server.listen({ host: '127.0.0.1', port: 0 })
const post = (origin: string, headers: Record<string, string>, body: object, signal?: AbortSignal) =>
  fetch(`${origin}/v1/tools/call`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {})
  })

t.afterEach(() => {
  issuer.behave({})
  recording.answer(() => ({ content: [] }))
})

t.test('every call leaves one record, which says how it ended and not what was said', async (t) => {
  const user = await broker.signIn()
  const { tenant_id, user_id } = user
  const { server_identifier, provider_id } = register(tenant_id)
  const given = { b: [1, { z: 'é', a: null }], a: 0.1 }
  await call(user.headers, { server_identifier, tool: 'fine', arguments: given })
  recording.answer(() => ({ isError: true, content: [] }))
  await call(user.headers, { server_identifier, tool: 'failing' })
  await call(user.headers, { server_identifier: 'nowhere', tool: 'x' })
  await call(user.headers, { server_identifier, tool: 'x', user_id: tenant_id })
  broker.change({ kind: 'grant', id: issuer.grantOf(user_id) })
  await stage.settle()
  issuer.behave({ refuse: () => new ReportedError('identity_refresh_rejected', 'Sign in again.') })
  await call(user.headers, { server_identifier, tool: 'x' })
  await call(user.headers, { server_identifier, tool: '' })

  const rows = await untilRows(tenant_id, 5)
  t.same(
    rows.map(({ outcome }) => outcome),
    ['ok', 'tool_error', 'not_found', 'policy_denied', 'identity_refresh_rejected'],
    'one row per call that was begun'
  )
  const credential = { credential_kind: 'session', credential_id: user.session_id }
  const subject = subjectOf(user_id)
  const identity = { mode: 'idp_token', audience: recording.url, subject, token_jti: String }
  const who = { tenant_id, user_id, app_id: null, ...credential }
  t.match(rows[0], {
    ...who,
    provider_id,
    server_identifier,
    tool: 'fine',
    arguments_digest: /^[\w-]{43}$/,
    ...identity
  })
  t.match(rows[0], { upstream_status: 200, started_at: Date, finished_at: Date })
  t.match(rows[2], { ...who, provider_id: null, mode: null, upstream_status: null })
  t.match(rows[4], { ...who, provider_id, mode: 'idp_token', audience: null, subject: null, upstream_status: null })
  const listed = await app.inject({ url: '/v1/calls?tool=fine', headers: user.headers })
  t.match(listed.json(), { data: [{ ...identity, user_id }] })
  t.notMatch(JSON.stringify(rows), /eyJ[\w-]+\.|é/)
})

t.test('arguments are kept only where a server is registered so, for whose call it was and for owners', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const { tenant_id } = owner
  const [admin, member] = [await broker.signIn({ tenant_id, role: 'admin' }), await broker.signIn({ tenant_id })]
  const kept = register(tenant_id, { keep_arguments: true })
  const usual = register(tenant_id)
  const given = { secret: 'said to the tool' }
  const make = (server: { server_identifier: string }, more: object) =>
    call(member.headers, { server_identifier: server.server_identifier, ...more })
  await make(kept, { tool: 'kept', arguments: given })
  await make(kept, { tool: 'large', arguments: { text: 'x'.repeat(17_000) } })
  await make(usual, { tool: 'usual', arguments: given })
  const rows = await untilRows(tenant_id, 3)
  t.notMatch(JSON.stringify(rows), /said to the tool/)
  t.same(
    rows.map(({ arguments: sealed }) => sealed !== null),
    [true, false, false]
  )
  const read = async ({ headers }: { headers: Record<string, string> }, query: string) => {
    const { data } = (await app.inject({ url: `/v1/calls${query}`, headers })).json()
    return data.map((one: Record<string, unknown>) => one.arguments)
  }
  t.same(await read(member, '?with_arguments=true'), [null, null, given])
  t.same(await read(owner, '?with_arguments=true'), [null, null, given])
  t.same(await read(admin, '?with_arguments=true'), [null, null, null])
  t.same(await read(member, ''), [undefined, undefined, undefined])
})

t.test('an app is recorded with the user it acts for', async (t) => {
  const { tenant_id, user_id } = await broker.signIn()
  const { headers, app_id } = broker.makeApiKey({ tenant_id, actsFor: [user_id] })
  const { server_identifier } = register(tenant_id)
  await call(headers, { server_identifier, tool: 'x', user_id })
  await call(headers, { server_identifier, tool: 'x' })
  const rows = await untilRows(tenant_id, 2)
  t.match(rows[0], { user_id, app_id, credential_kind: 'api_key', outcome: 'ok' })
  t.match(rows[1], { user_id: null, app_id, outcome: 'user_required' })
})

t.test('members see their own calls, owners all of the tenant, page by page', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const { tenant_id } = owner
  const member = await broker.signIn({ tenant_id })
  const stranger = await broker.signIn({ role: 'owner' })
  const { server_identifier } = register(tenant_id)
  for (const tool of ['one', 'two', 'three']) await call(member.headers, { server_identifier, tool })
  await call(owner.headers, { server_identifier, tool: 'mine' })
  await untilRows(tenant_id, 4)
  const list = async (headers: Record<string, string>, query = '') =>
    (await app.inject({ url: `/v1/calls${query}`, headers })).json()
  const toolsOf = ({ data }: { data: { tool: string }[] }) => data.map(({ tool }) => tool)

  t.same(toolsOf(await list(owner.headers)), ['mine', 'three', 'two', 'one'])
  t.same(toolsOf(await list(member.headers)), ['three', 'two', 'one'])
  t.same(await list(stranger.headers), { data: [], next_cursor: null })
  const first = await list(owner.headers, '?limit=3')
  const second = await list(owner.headers, `?limit=3&cursor=${first.next_cursor}`)
  t.same([toolsOf(first), toolsOf(second), second.next_cursor], [['mine', 'three', 'two'], ['one'], null])
  t.match(first.data[0], { outcome: 'ok', credential: { kind: 'session', id: owner.session_id }, started_at: /Z$/ })
  t.notOk('tenant_id' in first.data[0])
  t.match(await list(owner.headers, '?cursor=bm8'), { code: 'invalid_request', details: [{ path: 'cursor' }] })
  const never = '0000-01-01T00:00:00Z'
  const place = Buffer.from(JSON.stringify([never, owner.user_id])).toString('base64url')
  for (const [name, value] of Object.entries({
    ...{ since: never, until: '2026-01-01T00:00:00+23:59', tool: 'a\0', outcome: '\0', cursor: place }
  })) {
    const refused = await list(owner.headers, `?${new URLSearchParams({ [name]: value })}`)
    t.match(refused, { status: 400, code: 'invalid_request', details: [{ path: name }] }, name)
  }
  t.match(await list(owner.headers, '?limit=201'), { code: 'invalid_request', details: [{ path: 'limit' }] })
  t.match(await list(broker.makeApiKey({ tenant_id }).headers), { status: 401 })
})

t.test('a caller that closes the connection ends the call at the MCP server', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  const origin = await listen()
  recording.answer(() => undefined)
  const arrived = recording.nextCall()
  const leaving = new AbortController()
  const answer = post(origin, user.headers, { server_identifier, tool: 'x' }, leaving.signal)
  const { closed } = await arrived
  leaving.abort()
  await t.rejects(answer)
  await closed
  t.match(await untilRows(user.tenant_id, 1), [{ outcome: 'cancelled' }])
})

t.test("the caller's own limit, and the provider's, end a call", async (t) => {
  const user = await broker.signIn()
  const patient = register(user.tenant_id)
  const hasty = register(user.tenant_id, { timeout: 0.1 })
  const { server_identifier } = patient
  // A warm call is at its server long before its time is over.
  t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
  recording.answer(() => undefined)
  const arrived = recording.nextCall()
  const first = await call(user.headers, { server_identifier, tool: 'x', timeout_ms: 1_000 })
  t.match(first, { status: 504, body: { code: 'upstream_timeout' } })
  await (await arrived).closed
  const second = await call(user.headers, { server_identifier: hasty.server_identifier, tool: 'x' })
  t.match(second, { status: 504, body: { code: 'upstream_timeout' } })
})

t.test('who stops waiting for a token is not called for afterwards', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  const held = issuer.hold()
  const before = recording.requests().length
  const { status } = await call(user.headers, { server_identifier, tool: 'x', timeout_ms: 50 })
  t.equal(status, 504)
  held.open()
  t.equal((await call(user.headers, { server_identifier, tool: 'later' })).status, 200, 'the token is there for others')
  t.same(recording.requests().slice(before), ['tools/call'])
})

t.test('a service that is told to leave finishes its calls and writes their records', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  const leaving = await stage.open()
  const origin = await listen(leaving.app)
  let finish = () => {}
  recording.answer(({ id }, raw) => {
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })
    finish = () => raw.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    return undefined
  })
  const arrived = recording.nextCall()
  const made = post(origin, user.headers, { server_identifier, tool: 'slow' })
  await arrived
  const closed = leaving.app.close()
  finish()
  t.equal((await made).status, 200)
  await closed
  t.match(await rowsOf(user.tenant_id), [{ tool: 'slow', outcome: 'ok' }])
})

t.test('when 10,000 records wait for Postgres new calls are 503, and later all are written', async (t) => {
  const app = broker.makeApiKey()
  const { server_identifier } = register(app.tenant_id)
  await admin.query('begin')
  await admin.query('lock table tool_invoker.call in access exclusive mode')
  const refused = () => call(app.headers, { server_identifier, tool: 'x' })
  for (let start = 0; start < 10_000; start += 500) await Promise.all(Array.from({ length: 500 }, refused))
  const before = recording.requests().length
  const { status, body, headers } = await refused()
  t.match({ status, code: body.code }, { status: 503, code: 'recording_unavailable' })
  t.ok(headers['retry-after'])
  t.equal(recording.requests().length, before)
  await admin.query('rollback')
  const written = async (): Promise<number> => {
    const query = 'select count(*)::int as count from tool_invoker.call where tenant_id = $1'
    return (await admin.query(query, [app.tenant_id])).rows[0].count
  }
  t.equal(await eventually(written, (count) => count >= 10_000, 120), 10_000)
  t.equal((await refused()).status, 400, 'and calls are made again')
})
