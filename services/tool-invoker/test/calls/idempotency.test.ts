import { ReportedError } from '@onbehalf/errors'
import { eventually, freePort, startPostgresProxy } from '@onbehalf/testkit'
import { startRecording } from '@onbehalf/testkit/mcp-servers'
import pg from 'pg'
import t from 'tap'
import { startStage } from '../stage.ts'

// On a port that is given to nobody else: once it is stopped, nobody answers there.
const passing = await startRecording(await freePort())
t.teardown(() => passing.stop())
const stage = await startStage(t, { alsoAllowed: [passing.port] })
const { broker, providers, issuer, recording } = stage
const admin = new pg.Client({ connectionString: stage.backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())

t.afterEach(() => {
  issuer.behave({})
  recording.answer(() => ({ content: [] }))
})

type Headers = Record<string, string>
const user = await broker.signIn()
const { tenant_id, headers } = user
const { server_identifier } = providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token' })
const fine = { server_identifier, tool: 'x', arguments: { a: 'secret-1' } }

let keys = 0
const newKey = () => {
  keys += 1
  return `key-${keys}`
}
const callWith = async (key: string, body: object = fine, who: Headers = headers, app = stage.app) => {
  const answer = await app.inject({
    ...{ method: 'POST', url: '/v1/tools/call', payload: body },
    headers: { ...who, 'idempotency-key': key }
  })
  return { status: answer.statusCode, text: answer.body, body: answer.json() }
}
const callsSince = (before: number) => recording.calls().length - before

t.test('the same call with the same key is made once, and gets the same answer', async (t) => {
  const key = newKey()
  const before = recording.calls().length
  recording.answer(() => ({ content: [{ type: 'text', text: 'only-once' }] }))
  const first = await callWith(key)
  const again = await callWith(key, { ...fine, timeout_ms: 5_000 })
  t.match(first, { status: 200, text: /only-once/ })
  t.equal(again.text, first.text)
  t.equal(callsSince(before), 1)
  const other = await callWith(key, { ...fine, tool: 'other' })
  t.equal(other.status, 409)
  const recorded = async () => (await stage.app.inject({ url: '/v1/calls', headers })).json().data
  const records = await eventually(recorded, ({ length }) => length >= 3)
  t.match(records, [
    { outcome: 'conflict', tool: 'other' },
    { outcome: 'replayed', token_jti: String },
    { outcome: 'ok' }
  ])
  const { rows } = await admin.query('select * from tool_invoker.idempotency')
  t.notMatch(JSON.stringify(rows), /key-1|only-once|secret-1/)
  t.notMatch(rows.map(({ answer }) => String(answer)).join(), /only-once/, 'kept so that only we can read it')
})

t.test('the key says nothing about another call, and is nobody else’s', async (t) => {
  const key = newKey()
  await callWith(key)
  const before = recording.calls().length
  for (const other of [{ arguments: { a: 2 } }, { tool: 'y' }]) {
    const refused = await callWith(key, { ...fine, ...other })
    t.match(refused, { status: 409, body: { code: 'conflict', details: [{ path: 'Idempotency-Key' }] } })
  }
  t.equal(callsSince(before), 0)
  const colleague = await broker.signIn({ tenant_id })
  const app = broker.makeApiKey({ tenant_id, actsFor: [user.user_id, colleague.user_id] })
  t.equal((await callWith(key, fine, colleague.headers)).status, 200)
  for (const { user_id } of [user, colleague])
    t.equal((await callWith(key, { ...fine, user_id }, app.headers)).status, 200)
  t.equal(callsSince(before), 3)
})

t.test('a kept answer is for who may still make the call', async (t) => {
  const key = newKey()
  const device = stage.devices.makeToken({ tenant_id })
  t.equal((await callWith(key, fine, device.headers)).status, 200)
  issuer.behave({ refuse: () => new ReportedError('identity_refresh_rejected', 'Sign in again.') })
  broker.change({ kind: 'user', id: device.user_id })
  await stage.settle()
  const refused = await callWith(key, fine, device.headers)
  t.match(refused, { status: 428, body: { code: 'identity_refresh_rejected', connect_url: String } })
})

t.test('a call that has begun and not ended is not made again', async (t) => {
  const key = newKey()
  let finish = () => {}
  recording.answer(({ id }, raw) => {
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })
    finish = () => raw.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    return undefined
  })
  const arrived = recording.nextCall()
  const first = callWith(key)
  await arrived
  const unknown = { status: 409, body: { code: 'outcome_unknown' } }
  t.match(await callWith(key), unknown, 'while it is under way')
  finish()
  t.equal((await first).status, 200)
  t.equal((await callWith(key)).text, (await first).text)

  const lost = newKey()
  recording.answer((_, raw) => {
    raw.destroy()
    return undefined
  })
  t.equal((await callWith(lost)).status, 502)
  const before = recording.calls().length
  t.match(await callWith(lost), unknown, 'nor where the connection broke')
  t.equal(callsSince(before), 0)
})

t.test('while Postgres is away no call is made with a key, and none is made twice when it comes back', async (t) => {
  const { DATABASE_URL } = stage.resources.config
  const postgres = await startPostgresProxy(DATABASE_URL)
  t.teardown(postgres.stop)
  const { app } = await stage.open({ DATABASE_URL: postgres.urlFor(DATABASE_URL) })
  const [early, underWay, claimed] = [newKey(), newKey(), newKey()]
  const ask = (key: string) => callWith(key, fine, headers, app)
  // A connection that was cut may be tried once more before it is known to be.
  const askBack = (key: string) =>
    eventually(
      () => ask(key),
      ({ status }) => status !== 503
    )
  t.equal((await ask(newKey())).status, 200)
  const unavailable = { status: 503, body: { code: 'unavailable' } }
  const unknown = { status: 409, body: { code: 'outcome_unknown' } }
  let before = recording.calls().length

  postgres.cut()
  t.match(await ask(early), unavailable, 'before the key is taken')
  t.equal(callsSince(before), 0)
  postgres.restore()
  t.equal((await askBack(early)).status, 200, 'nothing was kept of it')

  let finish = () => {}
  recording.answer(({ id }, raw) => {
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'made' }] } })
    finish = () => raw.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    return undefined
  })
  before = recording.calls().length
  const arrived = recording.nextCall()
  const made = ask(underWay)
  await arrived
  postgres.cut()
  finish()
  t.match(await made, { status: 200, text: /made/ }, 'the answer is given, though it cannot be kept')
  t.match(await ask(underWay), unavailable)
  postgres.restore()
  t.match(await askBack(underWay), unknown)
  t.equal(callsSince(before), 1)

  const committed = postgres.holdCommit('after', /insert into idempotency/)
  const refused = ask(claimed)
  const { drop } = await committed
  drop()
  t.match(await refused, unavailable, 'when the key is taken, and nobody was told so')
  t.match(await ask(claimed), unknown)
  t.equal(callsSince(before), 1)
  await app.close()
})

t.test('a call that was surely not made leaves the key free, an error of the server is its answer', async (t) => {
  const key = newKey()
  const dead = providers.register({ tenant_id, server_url: 'http://127.0.0.1:9/mcp', mode: 'off' })
  for (const _ of [1, 2]) {
    const { status, body } = await callWith(key, { ...fine, server_identifier: dead.server_identifier })
    t.match({ status, code: body.code }, { status: 403, code: 'policy_denied' })
  }
  const other = newKey()
  t.equal((await callWith(other, { ...fine, server_identifier: 'nowhere' })).status, 404)
  t.equal((await callWith(other)).status, 200)

  const failing = newKey()
  recording.answer(({ id }, raw) => {
    const error = { code: -32602, message: 'no such thing' }
    raw.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, error }))
    return undefined
  })
  const before = recording.calls().length
  const first = await callWith(failing)
  t.match(first, { status: 502, body: { code: 'upstream_error', details: [{ message: '-32602' }, {}] } })
  const { request_id: _, ...told } = first.body
  t.match((await callWith(failing)).body, told)
  t.equal(callsSince(before), 1)
})

t.test('a call that was lost stays one that may have been made, though its repetition reached nobody', async (t) => {
  const key = newKey()
  const tools = [{ name: 'x', input_schema: { type: 'object' }, annotations: { idempotentHint: true } }]
  const leaving = providers.register({ tenant_id, server_url: passing.url, mode: 'off', tools })
  passing.answer((_, raw) => {
    raw.destroy()
    // Whoever comes back finds nobody.
    void passing.stop()
    return undefined
  })
  const body = { ...fine, server_identifier: leaving.server_identifier }
  t.match(await callWith(key, body), { status: 502, body: { code: 'upstream_unavailable' } })
  t.equal(passing.calls().length, 1)
  t.match(await callWith(key, body), { status: 409, body: { code: 'outcome_unknown' } })
})

t.test('as events the answer is the same, also when it comes again', async (t) => {
  const key = newKey()
  const before = recording.calls().length
  recording.answer(() => ({ content: [{ type: 'text', text: 'told' }] }))
  const ask = async (accept: string) => {
    const all = { ...headers, accept, 'idempotency-key': key }
    return stage.app.inject({ method: 'POST', url: '/v1/tools/call', headers: all, payload: fine })
  }
  const plain = 'application/json'
  const events = 'text/event-stream'
  const [first, again, whole] = [await ask(events), await ask(events), await ask(plain)]
  t.match(first.headers, { 'content-type': /^text\/event-stream/ })
  const told = (body: string) => body.match(/^event: result\ndata: (.*)$/m)?.[1]
  t.match(JSON.parse(told(first.body) ?? ''), { result: { content: [{ text: 'told' }] } })
  t.equal(told(again.body), told(first.body))
  t.equal(whole.body, told(first.body))
  t.equal(callsSince(before), 1)
})

t.test('what is too large is not kept, and not called for again either', async (t) => {
  const key = newKey()
  recording.answer(() => ({ content: [{ type: 'text', text: 'x'.repeat(300_000) }] }))
  t.equal((await callWith(key)).status, 200)
  const before = recording.calls().length
  t.match(await callWith(key), { status: 409, body: { code: 'conflict', message: /too large/ } })
  t.equal(callsSince(before), 0)
})

t.test("of a tenant's answers the oldest are let go of, and not called for again", async (t) => {
  const [key, other] = [newKey(), await broker.signIn()]
  const theirs = providers.register({ tenant_id: other.tenant_id, server_url: recording.url, mode: 'off' })
  const asTheirs = { ...fine, server_identifier: theirs.server_identifier }
  const { app } = await stage.open({ IDEMPOTENT_ANSWERS_MEGABYTES: '1' })
  const callThere = (own: string, body: object = fine, who: Headers = headers) =>
    app.inject({
      ...{ method: 'POST', url: '/v1/tools/call', payload: body },
      headers: { ...who, 'idempotency-key': own }
    })
  recording.answer(() => ({ content: [{ type: 'text', text: 'x'.repeat(200_000) }] }))
  const first = await callThere(key, asTheirs, other.headers)
  const own = Array.from({ length: 8 }, newKey)
  for (const one of own) t.equal((await callThere(one)).statusCode, 200)
  const before = recording.calls().length
  const again = await Promise.all(own.map((one) => callThere(one)))
  t.same(
    again.map(({ statusCode }) => statusCode),
    [409, 409, 409, 200, 200, 200, 200, 200]
  )
  t.match(again[0]?.json(), { code: 'conflict', message: /is not kept/ })
  t.equal((await callThere(key, asTheirs, other.headers)).body, first.body, "another tenant's are its own")
  t.equal(callsSince(before), 0)
  await app.close()
})

t.test('after 24 hours a key is free, and what was kept is deleted', async (t) => {
  const key = newKey()
  await callWith(key)
  const age = () => admin.query("update tool_invoker.idempotency set created_at = now() - interval '25 hours'")
  await age()
  t.equal((await callWith(key, { ...fine, tool: 'y' })).status, 200)
  await age()
  await callWith(newKey())
  const count = async (): Promise<number> => {
    const { rows } = await admin.query('select count(*)::int as left from tool_invoker.idempotency')
    return rows[0].left
  }
  // Every replica does so as soon as it is there.
  const { app } = await stage.open()
  t.equal(await eventually(count, (left) => left === 1), 1)
  await app.close()
  for (const wrong of ['', 'two words', 'ä', 'x'.repeat(256)]) {
    const { status, body } = await callWith(wrong)
    t.match({ status, body }, { status: 400, body: { details: [{ path: 'Idempotency-Key' }] } }, wrong)
  }
})
