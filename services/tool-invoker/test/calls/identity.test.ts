import { randomUUID } from 'node:crypto'
import { providerChanges } from '@onbehalf/contracts'
import { type ErrorCode, ReportedError } from '@onbehalf/errors'
import { writeFeed } from '@onbehalf/rpc'
import { eventually } from '@onbehalf/testkit'
import { startEverything } from '@onbehalf/testkit/mcp-servers'
import { openBusAs, subjectOf } from '@onbehalf/testkit/players'
import t from 'tap'
import { startHostile } from '../../../../packages/mcp/test/client/hostile.ts'
import { publicUrl, startStage } from '../stage.ts'

const everything = await startEverything()
t.teardown(() => everything.stop())
// A legacy server whose stream breaks off, and which no longer knows the caller when it is taken up again.
const hostile = await startHostile(t, {
  'tools/call': (_, { sse, raw }) => {
    sse('retry: 1\nid: 1\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n')
    raw.end()
  },
  GET: (_, { raw }) => raw.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
})
const legacy = await startHostile(t, { 'tools/call': (_, { result }) => result({ content: [] }) })
let isPicky = false
const left = Promise.withResolvers<string>()
// A legacy server that may refuse the next token, and is told which session has ended.
const picky = await startHostile(t, {
  'tools/call': (_, { raw, result }) => {
    if (!isPicky) return result({ content: [] })
    isPicky = false
    return raw.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
  },
  DELETE: ({ headers }, { raw }) => {
    left.resolve(String(headers['mcp-session-id']))
    raw.writeHead(200).end()
  }
})
const portOf = ({ url }: { url: string }) => Number(new URL(url).port)
const stage = await startStage(t, { alsoAllowed: [everything.port, portOf(hostile), portOf(legacy), portOf(picky)] })
const { call, broker, providers, devices, issuer, recording, whoami } = stage

const forwarding = (tenant_id: string, server: { url: string } = recording, more = {}) =>
  providers.register({ tenant_id, server_url: server.url, mode: 'idp_token', ...more })

const unauthorized = (raw: { writeHead: (status: number, headers: Record<string, string>) => { end: () => void } }) => {
  raw.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
  return undefined
}

const jtiOf = (token: string): unknown => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).jti

t.afterEach(() => {
  issuer.behave({})
  recording.answer(({ arguments: given }) => ({ content: [{ type: 'text', text: JSON.stringify(given) }] }))
})

t.test("a user's call is answered with who called", async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id, whoami)
  const { status, body } = await call(user.headers, { server_identifier, tool: 'whoami' })
  t.equal(status, 200)
  const subject = subjectOf(user.user_id)
  t.match(body, {
    call_id: /^[0-9a-f-]{36}$/,
    result: { structuredContent: { subject, audience: whoami.url } },
    identity: { mode: 'idp_token', user_id: user.user_id, subject, audience: whoami.url, jti: String },
    duration_ms: Number
  })
  t.same(Object.keys(body).sort(), ['call_id', 'duration_ms', 'identity', 'result'])
  t.notMatch(JSON.stringify(body), /eyJ[\w-]+\./, 'no token leaves')
})

t.test('a device token makes the same call', async (t) => {
  const user = devices.makeToken()
  const { server_identifier } = forwarding(user.tenant_id, whoami)
  const { body } = await call(user.headers, { server_identifier, tool: 'whoami' })
  t.match(body, { result: { structuredContent: { subject: subjectOf(user.user_id) } } })
})

t.test('without forwarding whoami refuses the call, and that is not the caller being unauthenticated', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id, whoami, { mode: 'off' })
  const { status, body } = await call(user.headers, { server_identifier, tool: 'whoami' })
  t.match({ status, code: body.code }, { status: 502, code: 'upstream_unauthorized' })
})

t.test('without forwarding the provider sends its own headers, and nobody is asked for a token', async (t) => {
  const user = await broker.signIn()
  const headers = { Authorization: 'Bearer of-the-tenant', 'X-Team': 'blue' }
  const { server_identifier } = forwarding(user.tenant_id, recording, { mode: 'off', headers })
  const asked = issuer.asked().length
  const { body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.equal(body.identity, null)
  t.match(recording.calls().at(-1)?.headers, { authorization: 'Bearer of-the-tenant', 'x-team': 'blue' })
  t.equal(issuer.asked().length, asked)
})

t.test("the forwarded token replaces a provider's own Authorization, however it is spelled", async (t) => {
  const user = await broker.signIn()
  const headers = { authorization: 'Bearer own', AUTHORIZATION: 'Basic own', 'X-Team': 'blue' }
  const { server_identifier } = forwarding(user.tenant_id, recording, { headers })
  await call(user.headers, { server_identifier, tool: 'x' })
  const sent = recording.calls().at(-1)?.headers
  t.match(sent, { authorization: /^Bearer eyJ[^,]+$/, 'x-team': 'blue' })
  t.notMatch(sent, { authorization: /^(Bearer|Basic) own/ })
})

t.test('the result leaves exactly as the server sent it, also one that is an error', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  const result = {
    isError: true,
    content: [{ type: 'text', text: 'é\u2028"\\ </script>', annotations: { priority: 0.1 } }],
    structuredContent: { nothing: null, deep: [[{ '': [1e21, -0.5] }]], toJSON: 'not a function' },
    unknown_to_us: { a: [] },
    _meta: { 'x/y': true }
  }
  recording.answer(() => result)
  const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.equal(status, 200)
  t.equal(JSON.stringify(body.result), JSON.stringify(result))
})

type Row = { code: ErrorCode; status: number; extras?: { connect_url?: string; retry_after_seconds?: number } }
const refusals: Row[] = [
  { code: 'no_refresh_token', status: 428 },
  { code: 'resource_not_granted', status: 428, extras: { connect_url: 'https://elsewhere.example/connect?x=1' } },
  { code: 'identity_refresh_rejected', status: 428 },
  { code: 'audience_not_allowed', status: 403 },
  { code: 'audience_not_supported', status: 403 },
  { code: 'policy_denied', status: 403 },
  { code: 'identity_provider_unavailable', status: 503 },
  { code: 'identity_provider_unavailable', status: 503, extras: { retry_after_seconds: 17 } }
]

for (const { code, status, extras } of refusals) {
  t.test(`${code} (${JSON.stringify(extras ?? {})}) is ${status}, and the MCP server sees no request`, async (t) => {
    const user = await broker.signIn()
    const { server_identifier } = forwarding(user.tenant_id, recording, {
      headers: { authorization: 'Bearer of-the-tenant' }
    })
    const before = recording.requests().length
    issuer.behave({ refuse: () => new ReportedError(code, 'No token.', extras) })
    const { body, ...answer } = await call(user.headers, { server_identifier, tool: 'x' })
    t.match({ ...answer, body }, { status, body: { code, status } })
    t.equal(body.connect_url, status === 428 ? (extras?.connect_url ?? `${publicUrl}/connect`) : undefined)
    t.equal(answer.headers['retry-after'], status === 503 ? String(extras?.retry_after_seconds ?? 5) : undefined)
    t.equal(recording.requests().length, before)
  })
}

t.test('a rejected token is minted anew and the call repeated once', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  await call(user.headers, { server_identifier, tool: 'x' })
  const before = recording.calls().length
  const refused = recording.calls().at(-1)?.headers.authorization
  recording.answer(({ headers }, raw) => (headers.authorization === refused ? unauthorized(raw) : { content: [] }))
  const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.equal(status, 200)
  t.equal(recording.calls().length, before + 2)
  t.match(issuer.asked().at(-1), { rejected_token_hash: /^[\w-]{43}$/ })
  const used = recording.calls().at(-1)?.headers.authorization ?? ''
  t.match(body.identity, { jti: jtiOf(used) }, 'the identity told is the one used')
  const list = async () => (await stage.app.inject({ url: '/v1/calls', headers: user.headers })).json().data
  const [record] = await eventually(list, ({ length }) => length === 2)
  t.equal(record.token_jti, jtiOf(used), 'and so is the one on record')

  await call(user.headers, { server_identifier, tool: 'x' })
  t.equal(recording.calls().length, before + 3, 'and the new token stays')
})

t.test('a second 401 is 502, without another try and without another credential', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id, recording, { headers: { authorization: 'Bearer own' } })
  const before = recording.calls().length
  recording.answer((_, raw) => unauthorized(raw))
  const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.match({ status, code: body.code }, { status: 502, code: 'upstream_rejected_identity' })
  const tried = recording.calls().slice(before)
  t.equal(tried.length, 2)
  t.ok(tried.every(({ headers }) => headers.authorization?.startsWith('Bearer eyJ')))
})

t.test('a token for the server that a provider moved to never reaches the one it moved from', async (t) => {
  const user = await broker.signIn()
  const { provider_id, server_identifier } = forwarding(user.tenant_id)
  const before = recording.calls().length
  recording.answer((_, raw) => {
    providers.update(provider_id, { server_url: whoami.url, audience: whoami.url })
    // Only when the move was heard does the old server refuse, so that the next ticket is of the new one.
    stage.settle().then(
      () => unauthorized(raw),
      () => raw.destroy()
    )
    return undefined
  })
  const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.match({ status, code: body.code }, { status: 503, code: 'unavailable' })
  t.equal(recording.calls().length, before + 1)
})

t.test('when the broker has no other token the call is 502 at once', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  issuer.behave({ isStubborn: true })
  const before = recording.calls().length
  recording.answer((_, raw) => unauthorized(raw))
  const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.match({ status, code: body.code }, { status: 502, code: 'upstream_rejected_identity' })
  t.equal(recording.calls().length, before + 1)
})

t.test('100 calls whose token is rejected ask for one other', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  await call(user.headers, { server_identifier, tool: 'x' })
  const refused = recording.calls().at(-1)?.headers.authorization
  const asked = issuer.asked().length
  recording.answer(({ headers }, raw) => (headers.authorization === refused ? unauthorized(raw) : { content: [] }))
  const calls = Array.from({ length: 100 }, () => call(user.headers, { server_identifier, tool: 'x' }))
  const answers = await Promise.all(calls)
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(issuer.asked().length, asked + 1)
})

t.test('a 401 after anything else was received is not repeated', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id, hostile)
  const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.match({ status, code: body.code }, { status: 502, code: 'upstream_rejected_identity' })
  t.equal(hostile.count('tools/call'), 1)
})

t.test('missing scope is upstream_insufficient_scope', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  recording.answer((_, raw) => {
    raw.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' }).end()
    return undefined
  })
  const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.match(
    { status, body },
    { status: 403, body: { code: 'upstream_insufficient_scope', details: [{ message: 'write' }] } }
  )
})

t.test('sessions at a legacy server are kept for one user, and shared by no two callers', async (t) => {
  const { tenant_id, user_id, headers } = await broker.signIn()
  const other = await broker.signIn({ tenant_id })
  const app = broker.makeApiKey({ tenant_id, actsFor: [user_id] })
  const { server_identifier } = forwarding(tenant_id, legacy)
  const asks = [headers, other.headers, app.headers, headers, other.headers, app.headers]
  for (const who of asks) {
    const as = who === app.headers ? { user_id } : {}
    t.equal((await call(who, { server_identifier, tool: 'x', ...as })).status, 200)
  }
  const calls = legacy.seen.filter(({ method }) => method === 'tools/call')
  const sessions = calls.map((seen) => seen.headers['mcp-session-id'])
  t.equal(new Set(sessions).size, 3)
  t.same(sessions.slice(3), sessions.slice(0, 3))
})

t.test('a session outlives the token it was opened with, and ends with the grant', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id, picky)
  const make = async () => t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
  await make()
  isPicky = true
  await make()
  const reached = () => picky.seen.filter(({ method }) => method === 'tools/call').map(({ headers }) => headers)
  t.equal(new Set(reached().map(({ authorization }) => authorization)).size, 2)
  t.same(
    reached().map((headers) => headers['mcp-session-id']),
    ['session-1', 'session-1', 'session-1']
  )
  broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
  t.equal(await left.promise, 'session-1')
  await make()
  t.equal(reached().at(-1)?.['mcp-session-id'], 'session-2')
})

t.test('a session is of one revision of its provider, also where nobody heard of the change', async (t) => {
  const { tenant_id, headers } = await broker.signIn()
  const known = forwarding(tenant_id, legacy)
  const { server_identifier, revision } = known
  const lastCall = () => legacy.seen.findLast(({ method }) => method === 'tools/call')?.headers
  const sessionOf = async () => {
    t.equal((await call(headers, { server_identifier, tool: 'x' })).status, 200)
    return lastCall()?.['mcp-session-id']
  }
  const first = await sessionOf()
  t.equal(await sessionOf(), first)
  providers.register({ ...known, revision: revision + 1, headers: { 'x-region': 'eu' } })
  // Some other change: of a writer that nobody knows, so that all is asked again, and no session is ended for it.
  const bus = await openBusAs(t, stage.backends, 'mcp-provider')
  const feed = writeFeed(bus, providerChanges)
  feed.publish({ kind: 'provider', id: randomUUID() })
  await bus.connection.flush()
  await stage.settle()
  const second = await sessionOf()
  t.match(lastCall(), { 'x-region': 'eu' })
  t.not(second, first)
  t.ok(second)
  feed.close()
})

t.test('two users of the public reference server get their own answers', async (t) => {
  const { tenant_id, ...one } = await broker.signIn()
  const other = await broker.signIn({ tenant_id })
  const { server_identifier } = forwarding(tenant_id, everything)
  for (const user of [one, other, one, other]) {
    const given = { server_identifier, tool: 'echo', arguments: { message: user.user_id } }
    const { status, body } = await call(user.headers, given)
    t.equal(status, 200)
    t.match(body.result, { content: [{ text: `Echo: ${user.user_id}` }] })
  }
})
