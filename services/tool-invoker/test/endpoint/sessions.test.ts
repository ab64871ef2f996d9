import { randomUUID } from 'node:crypto'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  EmptyResultSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema
} from '@modelcontextprotocol/sdk/types.js'
import { ReportedError } from '@onbehalf/errors'
import { eventually, type TestContext, until } from '@onbehalf/testkit'
import { startFixture, startModern } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { createGates } from '../../src/gates/gates.ts'
import { createListenerPlaces } from '../../src/listening/places.ts'
import { answersTo } from '../../src/sessions/ask-client.ts'
import { startStage } from '../stage.ts'
import { startLegacyServer } from './legacy-server.ts'

const [legacy, fixture, modern] = await Promise.all([startLegacyServer(t), startFixture(), startModern()])
t.teardown(() => Promise.all([fixture.stop(), modern.stop()]))
const stage = await startStage(t, { alsoAllowed: [legacy.port, fixture.port, modern.port] })
const { app, broker, devices, issuer, providers } = stage
const other = await stage.open()
t.teardown(() => other.app.close())
const [here, there] = await Promise.all([app, other.app].map((one) => one.listen({ port: 0, host: '127.0.0.1' })))

type Json = Record<string, unknown>
type User = ReturnType<typeof devices.makeToken>
const forwarding = (tenant_id: string, server: { url: string } = legacy, more = {}) =>
  providers.register({ tenant_id, server_url: server.url, mode: 'idp_token', ...more })

type Connected = { capabilities?: Json; base?: string | undefined }

/** A real client of 2025-11-25, and what it was told. */
const connect = async (
  t: TestContext,
  user: User,
  path: string,
  { capabilities = {}, base = here }: Connected = {}
) => {
  const client = new Client({ name: 'test', version: '1' }, { capabilities })
  const told: unknown[] = []
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void told.push(params.uri))
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void told.push(params.level))
  for (const schema of [ToolListChangedNotificationSchema, ResourceListChangedNotificationSchema])
    client.setNotificationHandler(schema, ({ method }) => void told.push(method))
  const transport = new StreamableHTTPClientTransport(new URL(`${base}${path}`), {
    requestInit: { headers: user.headers }
  })
  t.teardown(() => client.close())
  await client.connect(transport)
  const call = async (name: string, given: Json = {}) => {
    const { content } = await client.callTool({ name, arguments: given })
    const [first] = Array.isArray(content) ? content : []
    return JSON.parse(first.text)
  }
  return { client, transport, told, call, sessionId: transport.sessionId ?? '' }
}

/** One request in a session, by hand. */
const ask = (by: Json, path: string, sessionId: string, { method = 'POST', body = {}, base = here }: Asked = {}) => {
  const session = { 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' }
  const headers = { accept: 'application/json, text/event-stream', ...session, ...by }
  if (method !== 'POST') return fetch(`${base}${path}`, { method, headers })
  const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', ...body })
  return fetch(`${base}${path}`, { method, headers: { ...headers, 'content-type': 'application/json' }, body: message })
}
type Asked = { method?: string; body?: Json; base?: string | undefined }

const urlOf = ({ server_identifier }: { server_identifier: string }) => `/mcp/${server_identifier}`

t.test('what a server asks of its client reaches it, and the answer the server, in both eras of servers', async (t) => {
  const user = devices.makeToken()
  const at = urlOf(forwarding(user.tenant_id))
  const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} }
  const { client, call } = await connect(t, user, at, { capabilities })
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: 'accept',
    content: { said: params.message }
  }))
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    ...{ role: 'assistant', model: 'm', content: { type: 'text', text: 'Me.' } }
  }))
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///home' }] }))
  t.match(await call('capabilities'), { elicitation: {}, sampling: {}, roots: {} })
  t.match(await call('elicit', { message: 'Who?' }), { action: 'accept', content: { said: 'Who?' } })
  t.match(await call('sample'), { content: { text: 'Me.' } })
  t.same(await call('roots'), { roots: [{ uri: 'file:///home' }] })

  const modern = urlOf(forwarding(user.tenant_id, fixture))
  const second = await connect(t, user, modern, { capabilities })
  second.client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ada' } }))
  const { content } = await second.client.callTool({ name: 'test_input_required_result_elicitation' })
  t.match(content, [{ text: 'Hello, Ada!' }])

  const poor = await connect(t, user, at)
  t.same(await poor.call('capabilities'), {}, 'who can do nothing is asked nothing')
})

t.test("a session is its holder's alone, and each has one of its own at the server", async (t) => {
  const user = devices.makeToken()
  const { tenant_id } = user
  const provider = forwarding(tenant_id)
  const at = urlOf(provider)
  const [one, two] = await Promise.all([connect(t, user, at), connect(t, user, at)])
  t.notSame(one.sessionId, two.sessionId)
  t.equal((await one.call('count')).calls, 1)
  t.equal((await one.call('count')).calls, 2)
  t.equal((await two.call('count')).calls, 1)

  const { provider_id: _, ...alike } = provider
  const stranger = devices.makeToken()
  providers.register({ ...alike, tenant_id: stranger.tenant_id })
  const elsewhere = urlOf(forwarding(tenant_id))
  const another = devices.makeToken({ tenant_id, user_id: user.user_id })
  for (const [who, by, path] of [
    ['another user', devices.makeToken({ tenant_id }).headers, at],
    ['another tenant', stranger.headers, at],
    ['another credential', another.headers, at],
    ['another provider', user.headers, elsewhere],
    ['the endpoint of all', user.headers, '/mcp']
  ] as const) {
    for (const method of ['POST', 'GET', 'DELETE'])
      t.equal((await ask(by, path, one.sessionId, { method })).status, 404, `${who} with ${method}`)
  }
  t.equal((await ask(user.headers, at, one.sessionId)).status, 200)

  const renewed = devices.renew(user)
  await stage.settle()
  t.equal((await ask(user.headers, at, one.sessionId)).status, 401)
  t.equal((await ask(renewed.headers, at, one.sessionId)).status, 200, 'a renewed token keeps it')
  const before = legacy.ended().length
  t.equal((await ask(renewed.headers, at, one.sessionId, { method: 'DELETE' })).status, 204)
  t.equal((await ask(renewed.headers, at, one.sessionId)).status, 404)
  await until(() => legacy.ended().length > before)
  t.equal((await ask(renewed.headers, at, two.sessionId)).status, 200)
  const tomorrow = await stage.open({}, () => new Date(Date.now() + 86_500_000))
  t.teardown(() => tomorrow.app.close())
  const base = await tomorrow.app.listen({ port: 0, host: '127.0.0.1' })
  t.equal((await ask(renewed.headers, at, two.sessionId, { base })).status, 404, 'and none is older than a day')
})

t.test('what changes is told on the stream of a session: resources, lists, and what it logs', async (t) => {
  const user = devices.makeToken()
  const provider = forwarding(user.tenant_id)
  const { client, told, call } = await connect(t, user, urlOf(provider))
  await t.rejects(client.subscribeResource({ uri: `test://${'x'.repeat(3_000)}` }), { code: -32602, message: /2048/ })
  await client.subscribeResource({ uri: 'test://one' })
  await legacy.touch('test://one')
  await until(() => told.includes('test://one'))
  await legacy.relist()
  await until(() => told.includes('notifications/resources/list_changed'))
  providers.listAs(provider.provider_id, [{ name: 'count' }, { name: 'log' }])
  await until(() => told.includes('notifications/tools/list_changed'))
  await stage.settle()
  await client.setLoggingLevel('error')
  await call('log')
  t.same(
    told.filter((one) => one === 'debug' || one === 'error'),
    ['error']
  )
  await t.rejects(client.request({ method: 'logging/setLevel', params: { level: 'loud' } }, EmptyResultSchema), {
    code: -32602
  })
})

t.test('a client cancels a call by its id, and its server hears of it', async (t) => {
  const user = devices.makeToken()
  const at = urlOf(forwarding(user.tenant_id))
  const { client } = await connect(t, user, at)
  const [before, cancelled] = [legacy.waiting(), legacy.cancelled().length]
  const giveUp = new AbortController()
  const waiting = client.callTool({ name: 'wait' }, undefined, { signal: giveUp.signal })
  await until(() => legacy.waiting() > before)
  giveUp.abort('enough')
  await t.rejects(waiting)
  await until(() => legacy.cancelled().length > cancelled)
  const recorded = async (): Promise<Json[]> =>
    (await app.inject({ url: '/v1/calls?tool=wait', headers: user.headers })).json().data
  t.match(await eventually(recorded, ({ length }) => length === 1), [{ outcome: 'cancelled' }])
})

t.test('any replica serves a session: its requests, its answers, its cancels and its end', async (t) => {
  const user = devices.makeToken()
  const at = urlOf(forwarding(user.tenant_id))
  const { client, sessionId, call } = await connect(t, user, at, { capabilities: { elicitation: { form: {} } } })
  t.equal((await ask(user.headers, at, sessionId, { base: there })).status, 200)
  const asked = Promise.withResolvers<string | number>()
  client.setRequestHandler(ElicitRequestSchema, async (_, { requestId, signal }) => {
    asked.resolve(requestId)
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('left'))))
  })
  const answered = call('elicit', { message: 'Who?' })
  const id = await asked.promise
  const body = { id, method: undefined, result: { action: 'decline' } }
  t.equal((await ask(user.headers, at, sessionId, { body, base: there })).status, 202)
  t.same(await answered, { action: 'decline' })

  const [before, cancelled] = [legacy.waiting(), legacy.cancelled().length]
  const waiting = ask(user.headers, at, sessionId, { body: { id: 7, method: 'tools/call', params: { name: 'wait' } } })
  await until(() => legacy.waiting() > before)
  const cancel = { id: undefined, method: 'notifications/cancelled', params: { requestId: 7 } }
  t.equal((await ask(user.headers, at, sessionId, { body: cancel, base: there })).status, 202)
  t.match(await (await waiting).json(), { error: { message: /cancelled/ } })
  await until(() => legacy.cancelled().length > cancelled)

  const stream = await ask(user.headers, at, sessionId, { method: 'GET' })
  t.equal(stream.status, 200)
  t.equal((await ask(user.headers, at, sessionId, { method: 'DELETE', base: there })).status, 204)
  t.match(await stream.text(), /: begun/, 'its stream ends')
  t.equal((await ask(user.headers, at, sessionId)).status, 404)
})

t.test('a stream ends with the right to it, and so many are open at most', async (t) => {
  const user = devices.makeToken()
  const at = urlOf(forwarding(user.tenant_id))
  const { sessionId } = await connect(t, user, at)
  const stream = await ask(user.headers, at, sessionId, { method: 'GET' })
  devices.revoke(user.token_id)
  await stream.text()
  t.equal((await ask(user.headers, at, sessionId)).status, 401)
  const many = devices.makeToken({ tenant_id: user.tenant_id })
  const initialize = { method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } }
  const ids: string[] = []
  for (let index = 0; index <= 100; index += 1) {
    const begun = await ask(many.headers, at, '', { body: initialize })
    await begun.text()
    ids.push(begun.headers.get('mcp-session-id') ?? '')
  }
  const [first = '', second = ''] = ids
  t.equal((await ask(many.headers, at, first)).status, 404, 'the longest unused is over')
  t.equal((await ask(many.headers, at, second)).status, 200)
})

t.test("a renewed token keeps its user's session at the server, and a revoke ends it", async (t) => {
  const { tenant_id, headers, user_id } = await broker.signIn()
  const { server_identifier } = forwarding(tenant_id)
  const count = async () => {
    const { body } = await stage.call(headers, { server_identifier, tool: 'count' })
    const { content } = Object(body.result)
    return JSON.parse(content[0].text)
  }
  const first = await count()
  t.equal(first.calls, 1)
  const old = legacy.authorization()
  legacy.reject(old)
  t.same(await count(), { calls: 2, session: first.session })
  t.not(legacy.authorization(), old, 'with another token')
  broker.change({ kind: 'grant', id: issuer.grantOf(user_id) })
  await until(() => legacy.ended().includes(first.session))
  const next = await count()
  t.equal(next.calls, 1)
  t.not(next.session, first.session)
})

const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {}
}
const subscriptionId = 'io.modelcontextprotocol/subscriptionId'

type Listening = { path: string; notifications: unknown; accept?: string; signal?: AbortSignal; base?: string }

/** Listens as a client of 2026-07-28: what is told, as it comes, and when it is over. */
const listen = async (
  user: User,
  { path, notifications, accept = 'text/event-stream', signal, base = here }: Listening
) => {
  const method = 'subscriptions/listen'
  const answer = await fetch(`${base}${path}`, {
    method: 'POST',
    headers: {
      ...{ ...user.headers, accept, 'content-type': 'application/json' },
      ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 'L1', method, params: { notifications, _meta: modernMeta } }),
    ...(signal && { signal })
  })
  const told: Json[] = []
  const read = async () => {
    let text = ''
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString()
      const events = text.split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1]
        if (data !== undefined) told.push(JSON.parse(data))
      }
    }
  }
  return { status: answer.status, told, over: signal ? read().catch(() => undefined) : read() }
}

t.test('a client of 2026-07-28 is told what it listens to, by servers of both eras, until it leaves', async (t) => {
  const servers = [
    { server: modern, touch: async () => modern.touch('test://one') },
    { server: legacy, touch: () => legacy.touch('test://one') }
  ]
  for (const { server, touch } of servers) {
    const user = devices.makeToken()
    const provider = forwarding(user.tenant_id, server)
    const leave = new AbortController()
    const filter = { toolsListChanged: true, resourceSubscriptions: ['test://one'] }
    const notifications = { ...filter, promptsListChanged: false }
    const { told, over } = await listen(user, { path: urlOf(provider), notifications, signal: leave.signal })
    await until(() => told.length > 0)
    const _meta = { [subscriptionId]: 'L1' }
    t.same(told[0], {
      ...{ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged' },
      params: { notifications: filter, _meta }
    })
    const isTold = (method: string) => told.some((one) => one.method === method)
    await until(async () => {
      await touch()
      return isTold('notifications/resources/updated')
    })
    providers.listAs(provider.provider_id, [{ name: 'echo' }])
    await until(() => isTold('notifications/tools/list_changed'))
    for (const { params } of told) t.match(params, { _meta }, 'each says which subscription it is of')
    leave.abort()
    await over
    const recorded = async (): Promise<Json[]> =>
      (await app.inject({ url: '/v1/calls?tool=subscriptions/listen', headers: user.headers })).json().data
    t.match(await eventually(recorded, ({ length }) => length === 1), [{ outcome: 'cancelled' }])
  }
})

t.test('at the endpoint of all it is told of the tools of all, while it may, and of nothing else', async (t) => {
  const user = devices.makeToken()
  const { provider_id } = forwarding(user.tenant_id)
  const notifications = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: ['x:y'] }
  const { told, over } = await listen(user, { path: '/mcp', notifications })
  await until(() => told.length > 0)
  t.same(Object(told[0]?.params).notifications, { toolsListChanged: true })
  providers.listAs(provider_id, [{ name: 'another' }])
  await until(() => told.length > 1)
  devices.revoke(user.token_id)
  await over
  t.match(told.at(-1), { id: 'L1', error: { code: -32000 } }, 'a revoke ends it')

  const another = devices.makeToken()
  for (const [given, accept] of [
    [undefined, 'text/event-stream'],
    [{ resourceSubscriptions: [1] }, 'text/event-stream'],
    [{}, 'application/json']
  ] as const)
    t.equal((await listen(another, { path: '/mcp', notifications: given, accept })).status, 400)
  const nowhere = { path: '/mcp/nowhere', notifications: {} }
  t.equal((await listen(another, nowhere)).status, 404)
})

t.test('what a client wants to hear of is bounded, however much it asks for at once', async (t) => {
  const user = devices.makeToken()
  const at = urlOf(forwarding(user.tenant_id))
  const subscribeAll = async (uris: string[]) => {
    const { sessionId } = await connect(t, user, at)
    const answers = uris.map(async (uri) => {
      const answer = await ask(user.headers, at, sessionId, {
        body: { method: 'resources/subscribe', params: { uri } }
      })
      return answer.text()
    })
    return (await Promise.all(answers)).filter((text) => !text.includes('"code":-32602')).length
  }
  const urisOf = (count: number, length: number) =>
    Array.from({ length: count }, (_, index) => `test://${index}/`.padEnd(length, 'x'))
  t.equal(await subscribeAll(urisOf(1, 2_049)), 0)
  t.equal(await subscribeAll(urisOf(110, 20)), 100)
  t.equal(await subscribeAll(urisOf(40, 2_000)), 32, 'and 64 KB of them')
  for (const resourceSubscriptions of [urisOf(1, 2_049), urisOf(101, 20)])
    t.equal((await listen(user, { path: at, notifications: { resourceSubscriptions } })).status, 400)
})

t.test('who listens takes nothing that calls need: no place of a record, and so many of each kind', async (t) => {
  const user = devices.makeToken()
  const leaving = new AbortController()
  const server = legacy.apart()
  const path = urlOf(forwarding(user.tenant_id, server))
  await listen(user, { path, notifications: { resourcesListChanged: true }, signal: leaving.signal })
  await until(() => server.opened() > 0)
  await until(() => stage.resources.recorder.waiting() === 0)
  leaving.abort()

  const places = createListenerPlaces({ perHolder: 2, perTenant: 3, all: 4 })
  const take = (tenant_id: string, holder: string) => places.take({ tenant_id, holder }, () => {})
  const [first] = [take('a', 'one'), take('a', 'one')]
  t.throws(() => take('a', 'one'), { code: 'too_many_requests', message: /At most 2/ })
  take('a', 'two')
  t.throws(() => take('a', 'two'), { code: 'too_many_requests', message: /tenant/ })
  take('b', 'three')
  t.throws(() => take('b', 'three'), { code: 'too_many_requests', message: /here/ })
  for (const _ of Array(2)) first()
  take('b', 'three')
  t.throws(() => take('c', 'four'), { code: 'too_many_requests' }, 'a place that was given back twice is one')

  const gates = createGates({ listenersMax: 2, listenersPerTenantMax: 1 })
  const { promise, resolve: leave } = Promise.withResolvers<void>()
  const hear = (tenant_id: string, server_url: string, work: () => Promise<unknown> = async () => 'heard') =>
    gates.listening({ tenant_id, server_url }, work)
  const firstOfA = hear('a', 'https://one.test/a', () => promise)
  await t.rejects(hear('a', 'https://one.test/b'), { code: 'upstream_unavailable' }, 'no tenant has all places')
  t.equal(await hear('a', 'https://two.test/a'), 'heard')
  const firstOfB = hear('b', 'https://one.test/b', () => promise)
  await t.rejects(hear('c', 'https://one.test/a'), { code: 'upstream_unavailable' })
  leave()
  await Promise.all([firstOfA, firstOfB])
  t.equal(await hear('a', 'https://one.test/b'), 'heard')
})

t.test('who listens hears the server that the provider has now, and no longer than the credential holds', async (t) => {
  const passing = devices.makeToken({ lifetimeSeconds: 10 })
  const { told, over } = await listen(passing, {
    ...{ path: '/mcp', notifications: { toolsListChanged: true }, signal: AbortSignal.timeout(60_000) }
  })
  await until(() => told.length > 0)
  devices.lapse(passing.token_id)

  const user = devices.makeToken()
  const server = legacy.apart()
  const provider = forwarding(user.tenant_id, server)
  const leaving = new AbortController()
  const notifications = { resourcesListChanged: true }
  await listen(user, { path: urlOf(provider), notifications, signal: leaving.signal })
  await until(() => server.opened() > 0)
  const once = server.opened()
  providers.update(provider.provider_id, { timeout: 31 })
  await until(() => server.opened() > once)
  leaving.abort()
  await over
  t.match(told.at(-1), { id: 'L1', error: { code: -32000 } }, 'it ends, though nobody said so')
})

t.test('what costs others something is counted: to listen, to begin, and to say what all replicas hear', async (t) => {
  const open = async (max: string) => {
    const limited = await stage.open({ PRINCIPAL_CALLS_PER_MINUTE: max })
    t.teardown(() => limited.app.close())
    return { ...limited, base: await limited.app.listen({ port: 0, host: '127.0.0.1' }) }
  }
  const [one, two] = [await open('1'), await open('2')]
  const user = devices.makeToken()
  const server = legacy.apart()
  const at = urlOf(forwarding(user.tenant_id, server))
  const leaving = new AbortController()
  const notifications = { resourcesListChanged: true }
  await listen(user, { path: at, notifications, signal: leaving.signal, base: one.base })
  await until(() => server.opened() > 0)
  const headers = { ...user.headers, host: '127.0.0.1' }
  const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'count' } }
  t.equal((await one.app.inject({ method: 'POST', url: at, headers, payload })).statusCode, 429)
  leaving.abort()

  const client = devices.makeToken()
  const initialize = { method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } }
  const begun = await ask(client.headers, '/mcp', '', { body: initialize, base: two.base })
  const sessionId = begun.headers.get('mcp-session-id') ?? ''
  const say = async (body: Json) => (await ask(client.headers, '/mcp', sessionId, { body, base: two.base })).status
  const answerTo = (id: unknown) => ({ id, method: undefined, result: {} })
  const cancel = (requestId: unknown) => ({ id: undefined, method: 'notifications/cancelled', params: { requestId } })
  for (const idle of [answerTo('no id of ours'), answerTo(7), cancel('x'.repeat(257)), cancel({})])
    t.equal(await say(idle), 202, 'what nobody can be waiting for is not said')
  t.equal(await say(answerTo(randomUUID())), 202)
  t.equal(await say(cancel(8)), 429)
})

t.test('what a server asks of a client with one answer is bounded, and over with the first that is none', async (t) => {
  const questions = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`q${index}`, { method: 'roots/list' }]))
  const answer = async () => ({ result: { roots: [] } })
  t.equal(Object.keys(await answersTo(questions(20), answer)).length, 20)
  await t.rejects(answersTo(questions(21), answer), { code: 'upstream_error' })
  const signals: AbortSignal[] = []
  const onlyTheFirst = (_: unknown, signal: AbortSignal) => {
    signals.push(signal)
    return signals.length === 1 ? Promise.reject(new ReportedError('cancelled', 'No.')) : new Promise<never>(() => {})
  }
  await t.rejects(answersTo(questions(3), onlyTheFirst), { code: 'cancelled' })
  t.same(
    signals.map(({ aborted }) => aborted),
    [true, true, true]
  )
})

t.test('an app that begins many sessions for one user ends none of another', async (t) => {
  const { tenant_id } = devices.makeToken()
  const [ada, bob] = [randomUUID(), randomUUID()]
  const { headers } = broker.makeApiKey({ tenant_id, actsFor: [ada, bob] })
  const as = (user_id: string) => ({ ...headers, 'onbehalf-user-id': user_id })
  const initialize = { method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } }
  const begin = async (user_id: string) =>
    (await ask(as(user_id), '/mcp', '', { body: initialize })).headers.get('mcp-session-id') ?? ''
  const adas = await begin(ada)
  await Promise.all(Array.from({ length: 101 }, () => begin(bob)))
  t.equal((await ask(as(ada), '/mcp', adas)).status, 200)
})
