import { ReportedError } from '@onbehalf/errors'
import { eventually } from '@onbehalf/testkit'
import { startEverything, startFixture, startModern } from '@onbehalf/testkit/mcp-servers'
import { subjectOf } from '@onbehalf/testkit/players'
import t from 'tap'
import { publicUrl, startStage } from '../stage.ts'

const [everything, modern, fixture] = await Promise.all([startEverything(), startModern(), startFixture()])
t.teardown(() => Promise.all([everything.stop(), modern.stop(), fixture.stop()]))
const stage = await startStage(t, { alsoAllowed: [everything.port, modern.port, fixture.port] })
const { app, broker, providers, devices, issuer, recording, whoami } = stage

type Json = Record<string, unknown>
const version = '2026-07-28'
const metaOf = (capabilities: Json = {}, more: Json = {}): Json => ({
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientCapabilities': capabilities,
  ...more
})
const url = (server_identifier: string) => `/mcp/${server_identifier}`

/** Posts a body as it is. */
const post = async (path: string, headers: Json, payload: unknown, to = app) => {
  const all = { host: '127.0.0.1:4000', accept: 'application/json', 'content-type': 'application/json', ...headers }
  const answer = await to.inject({ method: 'POST', url: path, headers: all, payload: JSON.stringify(payload) })
  const body: Json = answer.body === '' ? {} : answer.json()
  return { status: answer.statusCode, headers: answer.headers, body }
}

type Ask = { method: string; params?: Json; capabilities?: Json; meta?: Json; headers?: Json }

/** Asks as a client of 2026-07-28 does, with the headers that go with the body. */
const ask = (path: string, by: Json, { method, params = {}, capabilities, meta, headers = {} }: Ask, to = app) => {
  const name = params.name ?? params.uri
  const standard = { 'mcp-protocol-version': version, 'mcp-method': method, ...(name ? { 'mcp-name': name } : {}) }
  const body = { jsonrpc: '2.0', id: 'é1', method, params: { ...params, _meta: metaOf(capabilities, meta) } }
  return post(path, { ...by, ...standard, ...headers }, body, to)
}
const askLegacy = (path: string, by: Json, method: string, params: Json = {}, headers: Json = {}) =>
  post(path, { ...by, ...headers }, { jsonrpc: '2.0', id: 7, method, params })

const callable = (names: string[]) => names.map((name) => ({ name, input_schema: { type: 'object' } }))
const forwarding = (tenant_id: string, server: { url: string } = recording, more = {}) =>
  providers.register({ tenant_id, server_url: server.url, mode: 'idp_token', ...more })

t.afterEach(() => {
  issuer.behave({})
  recording.answer(({ arguments: given }) => ({ content: [{ type: 'text', text: JSON.stringify(given) }] }))
})

t.test("a tool of one provider is called under its own name, as the token's user, in both eras", async (t) => {
  const user = devices.makeToken()
  const { server_identifier } = forwarding(user.tenant_id, whoami)
  const params = { name: 'whoami', arguments: {} }
  const now = await ask(url(server_identifier), user.headers, { method: 'tools/call', params })
  t.match(now, {
    status: 200,
    body: {
      jsonrpc: '2.0',
      id: 'é1',
      result: { resultType: 'complete', structuredContent: { subject: subjectOf(user.user_id), audience: whoami.url } }
    }
  })
  const before = await askLegacy(url(server_identifier), user.headers, 'tools/call', params)
  t.match(before.body, { id: 7, result: { structuredContent: { subject: subjectOf(user.user_id) } } })
})

t.test('the endpoint of all lists the tools of every provider under joined names, and calls them so', async (t) => {
  const user = devices.makeToken()
  const { tenant_id } = user
  const long = `l${'o'.repeat(130)}ng`
  forwarding(tenant_id, recording, { server_identifier: 'a-one', tools: callable(['echo', 'with space', long]) })
  forwarding(tenant_id, whoami, { server_identifier: 'b_two', tools: callable(['whoami']) })
  const { body } = await ask('/mcp', user.headers, { method: 'tools/list' })
  t.match(body, { result: { resultType: 'complete', cacheScope: 'private', ttlMs: Number } })
  const { tools } = Object(body.result)
  const names: string[] = tools.map(({ name }: { name: string }) => name)
  t.ok(names.includes('a-one__echo') && names.includes('b_two__whoami'))
  t.equal(names.length, 4)
  t.same(
    names.filter((name) => !/^[A-Za-z0-9_.-]{1,128}$/.test(name)),
    []
  )
  for (const name of names) {
    const { status } = await ask('/mcp', user.headers, { method: 'tools/call', params: { name } })
    t.equal(status, 200, name)
  }
  const called = recording.calls().slice(-3)
  t.same(called.map(({ tool }) => tool).sort(), ['echo', long, 'with space'].sort())
  const unknown = await ask('/mcp', user.headers, { method: 'tools/call', params: { name: 'nowhere' } })
  t.match(unknown.body, { error: { code: -32602, message: 'Unknown tool: nowhere' } })
  for (const [path, name] of [
    ['/mcp', 'a-one__x'],
    ['/mcp', 'c__x'],
    [url('a-one'), 'x']
  ] as const) {
    const { status, body } = await ask(path, user.headers, { method: 'tools/call', params: { name } })
    t.match({ status, body }, { status: 200, body: { error: { code: -32602, message: `Unknown tool: ${name}` } } })
  }
})

t.test('what a server offers beside tools is passed on as it says it, and what it lacks is empty', async (t) => {
  const user = devices.makeToken()
  const legacy = forwarding(user.tenant_id, everything).server_identifier
  const listed = await ask(url(legacy), user.headers, { method: 'prompts/list' })
  t.match(listed.body, { result: { resultType: 'complete', ttlMs: Number, cacheScope: 'private' } })
  const [{ name }] = Object(listed.body.result).prompts
  const got = await ask(url(legacy), user.headers, { method: 'prompts/get', params: { name } })
  t.match(got.body, { result: { resultType: 'complete', messages: [{ role: 'user' }] } })
  const resources = await askLegacy(url(legacy), user.headers, 'resources/list')
  const [{ uri }] = Object(resources.body.result).resources
  const read = await askLegacy(url(legacy), user.headers, 'resources/read', { uri })
  t.match(read.body, { result: { contents: [{ uri }] } })
  const absent = await askLegacy(url(legacy), user.headers, 'resources/read', { uri: 'test://absent' })
  t.match(absent, { status: 200, body: { error: { code: Number, message: /absent|not found/i } } })

  const bare = forwarding(user.tenant_id, modern).server_identifier
  t.match((await ask(url(bare), user.headers, { method: 'prompts/list' })).body, { result: { prompts: [] } })
  t.match((await askLegacy(url(bare), user.headers, 'resources/list')).body, { result: { resources: [] } })
})

t.test('a request that contradicts itself, or speaks what we do not, is refused with the word for it', async (t) => {
  const user = devices.makeToken()
  const at = url(forwarding(user.tenant_id).server_identifier)
  const before = recording.requests().length
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const head = { ...user.headers, 'mcp-protocol-version': version, 'mcp-method': 'tools/list' }
  const refused = async (headers: Json, body: unknown, status: number, error: Json) =>
    t.match(await post(at, headers, body), { status, body: { jsonrpc: '2.0', error } })
  const { 'io.modelcontextprotocol/clientCapabilities': _, ...noCapabilities } = metaOf()

  await refused(head, list, 400, { code: -32602 })
  await refused(head, { ...list, params: { _meta: noCapabilities } }, 400, { code: -32602 })
  await refused(user.headers, { ...list, params: { _meta: metaOf() } }, 400, { code: -32020 })
  await refused({ ...head, 'mcp-method': 'tools/call' }, { ...list, params: { _meta: metaOf() } }, 400, {
    code: -32020
  })
  const call = { ...list, method: 'tools/call', params: { name: 'x', _meta: metaOf() } }
  const callHead = { ...head, 'mcp-method': 'tools/call' }
  await refused(callHead, call, 400, { code: -32020, data: { mismatch: { header: 'Mcp-Name' } } })
  await refused({ ...callHead, 'mcp-name': 'X' }, call, 400, { code: -32020 })
  const later = { ...metaOf(), 'io.modelcontextprotocol/protocolVersion': '2999-01-01' }
  await refused(head, { ...list, params: { _meta: later } }, 400, { code: -32020 })
  const unknown = { ...head, 'mcp-protocol-version': '2999-01-01' }
  const data = { requested: '2999-01-01', supported: [version, '2025-11-25', '2025-06-18', '2025-03-26'] }
  await refused(unknown, { ...list, params: { _meta: later } }, 400, { code: -32022, data })
  await refused({ ...user.headers, 'mcp-protocol-version': '1999-01-01' }, list, 400, { code: -32022 })
  for (const body of [
    [list],
    'x',
    5,
    null,
    {},
    { ...list, jsonrpc: '1.0' },
    { ...list, id: {} },
    { ...list, params: [] }
  ])
    await refused(user.headers, body, 400, { code: -32600 })
  for (const method of ['initialize', 'ping', 'logging/setLevel', 'no/such'])
    t.match(await ask(at, user.headers, { method }), { status: 404, body: { id: 'é1', error: { code: -32601 } } })
  t.match(await askLegacy(at, user.headers, 'server/discover'), { status: 200, body: { error: { code: -32601 } } })
  t.equal(recording.requests().length, before, 'nothing of it reached the server')
})

t.test('both eras are greeted, the older one with a session that its client may keep', async (t) => {
  const user = devices.makeToken()
  const at = url(forwarding(user.tenant_id).server_identifier)
  const met = await ask(at, user.headers, { method: 'server/discover' })
  t.equal(met.headers['mcp-session-id'], undefined)
  t.match(met.body, {
    result: { supportedVersions: [version], capabilities: { tools: {}, prompts: {}, resources: {} } }
  })
  const old = await askLegacy(at, user.headers, 'initialize', { protocolVersion: '2025-06-18' })
  t.match(old.body, { result: { protocolVersion: '2025-06-18', serverInfo: { name: 'onbehalf' } } })
  t.match(old.headers['mcp-session-id'], /^[\w-]{32}$/)
  t.match(old.body, { result: { capabilities: { logging: {}, resources: { subscribe: true } } } })
  const odd = await askLegacy(at, user.headers, 'initialize', { protocolVersion: '1.0' })
  t.match(odd.body, { result: { protocolVersion: '2025-11-25' } })
  const told = await post(at, user.headers, { jsonrpc: '2.0', method: 'notifications/initialized' })
  t.match(told, { status: 202, body: {} })
  t.match((await askLegacy(at, user.headers, 'ping')).body, { result: {} })
  for (const method of ['GET', 'DELETE'] as const) {
    const answer = await app.inject({ method, url: at, headers: { ...user.headers, host: '127.0.0.1' } })
    t.match([answer.statusCode, answer.headers.allow], [405, 'POST'])
  }
})

t.test('who has no identity for a server gets the link: as a page to show, or in the words of a result', async (t) => {
  const user = devices.makeToken()
  const at = url(forwarding(user.tenant_id).server_identifier)
  const connect_url = `${publicUrl}/connect?provider=x`
  issuer.behave({ refuse: () => new ReportedError('no_refresh_token', 'Sign in again.', { connect_url }) })
  const before = recording.requests().length
  const params = { name: 'x' }
  const shown = await ask(at, user.headers, {
    method: 'tools/call',
    params,
    capabilities: { elicitation: { url: {} } }
  })
  t.match(shown, {
    status: 200,
    body: {
      result: {
        resultType: 'input_required',
        inputRequests: { sign_in: { method: 'elicitation/create', params: { mode: 'url', url: connect_url } } }
      }
    }
  })
  for (const capabilities of [{}, { elicitation: { form: {} } }]) {
    const { status, body } = await ask(at, user.headers, { method: 'tools/call', params, capabilities })
    t.match({ status, body }, { status: 200, body: { result: { isError: true, content: [{ type: 'text' }] } } })
    t.match(JSON.stringify(body), connect_url)
  }
  const old = await askLegacy(at, user.headers, 'tools/call', params)
  t.match(old.body, { result: { isError: true, content: [{ text: `Sign in again. ${connect_url}` }] } })
  const read = await ask(at, user.headers, { method: 'resources/read', params: { uri: 'test://x' } })
  t.match(read, { status: 200, body: { error: { data: { code: 'no_refresh_token', connect_url } } } })
  t.equal(recording.requests().length, before, 'nothing goes out without the identity')
})

t.test('only a token opens it, and no page of another site', async (t) => {
  const user = devices.makeToken()
  const signedIn = await broker.signIn()
  const at = url(forwarding(user.tenant_id).server_identifier)
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }
  for (const headers of [{}, { authorization: 'Bearer nonsense' }, signedIn.headers]) {
    const { status, headers: answered } = await post(at, headers, list)
    t.match({ status, challenge: answered['www-authenticate'] }, { status: 401, challenge: 'Bearer' })
  }
  for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }, { origin: 'null' }])
    t.match(await post(at, { ...user.headers, ...headers }, list), { status: 403, body: { error: { code: -32000 } } })
  for (const headers of [{ origin: publicUrl }, { host: 'localhost:4000' }])
    t.equal((await post(at, { ...user.headers, ...headers }, list)).status, 200)
})

t.test("another tenant's provider is not there, whatever is asked of it", async (t) => {
  const theirs = devices.makeToken()
  const mine = devices.makeToken()
  const { server_identifier } = forwarding(theirs.tenant_id)
  const params = { name: 'x' }
  const foreign = await ask(url(server_identifier), mine.headers, { method: 'tools/call', params })
  t.match(foreign, { status: 404, body: { error: { code: -32602, data: { code: 'not_found' } } } })
  for (const method of ['resources/list', 'tools/list', 'server/discover'])
    t.equal((await ask(url(server_identifier), mine.headers, { method })).status, 404, method)
})

t.test('an app names the user it acts for, and none is an error that says so', async (t) => {
  const { tenant_id, user_id } = await broker.signIn()
  const key = broker.makeApiKey({ tenant_id, actsFor: [user_id] })
  const at = url(forwarding(tenant_id, whoami).server_identifier)
  const method = 'tools/call'
  const params = { name: 'whoami' }
  const headers = { 'onbehalf-user-id': user_id }
  const { body } = await ask(at, key.headers, { method, params, headers })
  t.match(body, { result: { structuredContent: { subject: subjectOf(user_id) } } })
  const nobody = await ask(at, key.headers, { method, params })
  t.match(nobody.body, { result: { isError: true, _meta: { 'onbehalf/error': { code: 'user_required' } } } })
})

t.test("progress comes under the client's own token, in a stream that ends with the answer", async (t) => {
  const user = devices.makeToken()
  const at = url(forwarding(user.tenant_id, modern).server_identifier)
  const head = { ...user.headers, host: '127.0.0.1', 'content-type': 'application/json' }
  const standard = { 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': 'fail' }
  const body = (meta: Json) => ({
    ...{ jsonrpc: '2.0', id: 9, method: 'tools/call' },
    params: { name: 'fail', arguments: {}, _meta: metaOf({}, meta) }
  })
  const accept = 'application/json, text/event-stream'
  const send = (meta: Json) =>
    app.inject({ method: 'POST', url: at, headers: { ...head, ...standard, accept }, payload: body(meta) })
  const streamed = await send({ progressToken: 'mine' })
  t.match(streamed.headers, { 'content-type': /^text\/event-stream/, 'x-accel-buffering': 'no' })
  const told = [...streamed.body.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''))
  t.match(told, [
    { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1, total: 2 } },
    { method: 'notifications/progress', params: { progressToken: 'mine', progress: 2 } },
    { id: 9, result: { isError: true } }
  ])
  t.match((await send({})).headers, { 'content-type': /^application\/json/ }, 'who asks for no progress gets none')
})

t.test('a caller with no calls left is 429, whichever way the calls are made', async (t) => {
  const limited = await stage.open({ PRINCIPAL_CALLS_PER_MINUTE: '2' })
  t.teardown(() => limited.app.close())
  const user = devices.makeToken()
  const { server_identifier } = forwarding(user.tenant_id)
  const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }
  const headers = { ...user.headers, host: '127.0.0.1' }
  const statuses: number[] = []
  for (const path of ['/mcp', url(server_identifier), url(server_identifier)]) {
    const joined = path === '/mcp' ? { ...payload, params: { name: `${server_identifier}__x` } } : payload
    statuses.push((await limited.app.inject({ method: 'POST', url: path, headers, payload: joined })).statusCode)
  }
  t.same(statuses, [200, 200, 429])
})

t.test('everything that is asked of a server as a user leaves a record', async (t) => {
  const user = devices.makeToken()
  const at = url(forwarding(user.tenant_id, everything).server_identifier)
  await ask(at, user.headers, { method: 'prompts/list' })
  await ask(at, user.headers, { method: 'tools/call', params: { name: 'echo', arguments: { message: 'x' } } })
  const recorded = async (): Promise<Json[]> =>
    (await app.inject({ url: '/v1/calls', headers: user.headers })).json().data
  t.match(await eventually(recorded, ({ length }) => length === 2), [
    { tool: 'echo', outcome: 'ok', user_id: user.user_id },
    { tool: 'prompts/list', outcome: 'ok' }
  ])
})

t.test(
  'what a server wants back comes back from whom it was given to, for the same request, and from nobody else',
  async (t) => {
    const user = devices.makeToken()
    const { tenant_id } = user
    const given: unknown[] = []
    recording.answer(({ state }) => {
      given.push(state)
      const asks = { resultType: 'input_required', inputRequests: {}, requestState: 'cart-17' }
      return state === undefined ? asks : { resultType: 'complete', content: [] }
    })
    const [here, there] = [forwarding(tenant_id), forwarding(tenant_id)]
    const params = { name: 'buy', arguments: { item: 1 } }
    const call = { method: 'tools/call', params }
    const first = await ask(url(here.server_identifier), user.headers, call)
    const { requestState } = Object(first.body.result)
    t.match(first.body.result, { resultType: 'input_required', inputRequests: {} })
    t.notMatch(requestState, 'cart-17')
    const again = (by: Json, at = here.server_identifier, changed: Json = {}) =>
      ask(url(at), by, { ...call, params: { ...params, requestState, ...changed } })
    t.match(await again(user.headers), { status: 200, body: { result: { resultType: 'complete' } } })

    const neighbour = devices.makeToken({ tenant_id })
    const stranger = devices.makeToken()
    const { provider_id: _, ...alike } = here
    providers.register({ ...alike, tenant_id: stranger.tenant_id })
    const key = broker.makeApiKey({ tenant_id, actsFor: [user.user_id] })
    const asApp = { ...key.headers, 'onbehalf-user-id': user.user_id }
    const cut = `${String(requestState).slice(0, -4)}AAAA`
    const refusals = {
      'another user': again(neighbour.headers),
      'another tenant': again(stranger.headers),
      'an app for the user': again(asApp),
      'another server': again(user.headers, there.server_identifier),
      'another tool': again(user.headers, here.server_identifier, { name: 'sell' }),
      'other arguments': again(user.headers, here.server_identifier, { arguments: { item: 2 } }),
      'a changed state': again(user.headers, here.server_identifier, { requestState: cut }),
      'the state in clear': again(user.headers, here.server_identifier, { requestState: 'cart-17' }),
      'no text': again(user.headers, here.server_identifier, { requestState: 17 })
    }
    const error = { code: -32602, message: /requestState is not one that you were given for this request/ }
    for (const [who, refused] of Object.entries(refusals)) t.match((await refused).body, { error }, who)
    const later = await stage.open({}, () => new Date(Date.now() + 3_700_000))
    t.teardown(() => later.app.close())
    const late = { ...call, params: { ...params, requestState } }
    t.match((await ask(url(here.server_identifier), user.headers, late, later.app)).body, {
      error: { code: -32602, message: /requestState has expired/ }
    })
    providers.update(here.provider_id, {})
    await stage.settle()
    t.match((await again(user.headers)).body, { error }, 'a server that was changed')
    t.same(given, [undefined, 'cart-17'], 'and the server heard of none of them')
  }
)

t.test('what a tool wants repeated in headers is there as the arguments say it', async (t) => {
  const user = devices.makeToken()
  const region = { type: 'string', 'x-mcp-header': 'Region' }
  const amount = { type: 'object', properties: { much: { type: 'integer', 'x-mcp-header': 'Much' } } }
  const input_schema = { type: 'object', properties: { region, amount } }
  const { server_identifier } = forwarding(user.tenant_id, recording, { tools: [{ name: 'deploy', input_schema }] })
  const before = recording.calls().length
  const call = (given: Json, headers: Json, at = url(server_identifier), name = 'deploy') =>
    ask(at, user.headers, { method: 'tools/call', params: { name, arguments: given }, headers })
  const inBase64 = `=?base64?${Buffer.from('süd').toString('base64')}?=`
  for (const [given, headers] of [
    [{}, {}],
    [{}, { 'mcp-param-region': 'ignored' }],
    [{ region: 'north' }, { 'Mcp-Param-Region': 'north' }],
    [
      { region: 'süd', amount: { much: 42 } },
      { 'mcp-param-region': inBase64, 'mcp-param-much': '42.0' }
    ]
  ] as const)
    t.match(await call(given, headers), { status: 200, body: { result: { isError: undefined } } })
  const reached = recording.calls().length
  t.equal(reached, before + 4)
  for (const headers of [{}, { 'mcp-param-region': 'North' }, { 'mcp-param-region': '=?base64?bm9ydGg?=' }])
    for (const [at, name] of [
      [url(server_identifier), 'deploy'],
      ['/mcp', `${server_identifier}__deploy`]
    ] as const)
      t.match(await call({ region: 'north' }, headers, at, name), {
        status: 400,
        body: { error: { code: -32020, data: { mismatch: { header: 'Mcp-Param-region', body: /region$/ } } } }
      })
  t.equal(recording.calls().length, reached, 'nothing of it reached the server')
})

t.test('what is asked of a provider that is not there is counted and on record all the same', async (t) => {
  const user = devices.makeToken()
  const hashed = 'nowhere__x_0123abcd'
  for (const name of ['nowhere__x', hashed])
    t.match((await ask('/mcp', user.headers, { method: 'tools/call', params: { name } })).body, {
      error: { code: -32602, message: `Unknown tool: ${name}` }
    })
  const at = url('nowhere')
  t.equal((await ask(at, user.headers, { method: 'tools/call', params: { name: 'y' } })).status, 404)
  t.equal((await ask(at, user.headers, { method: 'prompts/list' })).status, 404)
  const recorded = async (): Promise<Json[]> =>
    (await app.inject({ url: '/v1/calls', headers: user.headers })).json().data
  const rows = await eventually(recorded, ({ length }) => length === 4)
  t.same(
    rows.map(({ tool, server_identifier, outcome }) => [server_identifier, tool, outcome]),
    ['prompts/list', 'y', 'x_0123abcd', 'x'].map((tool) => ['nowhere', tool, 'not_found'])
  )
  const limited = await stage.open({ PRINCIPAL_CALLS_PER_MINUTE: '1' })
  t.teardown(() => limited.app.close())
  const statuses: number[] = []
  for (const method of ['tools/call', 'prompts/list'])
    statuses.push((await ask(at, user.headers, { method, params: { name: 'y' } }, limited.app)).status)
  t.same(statuses, [404, 429])
})

t.test('an API key that was not made for calling is told which right it lacks', async (t) => {
  const { tenant_id } = await broker.signIn()
  const key = broker.makeApiKey({ tenant_id, scopes: ['tools:list'] })
  const { server_identifier } = forwarding(tenant_id)
  const { status, headers } = await ask(url(server_identifier), key.headers, { method: 'server/discover' })
  t.equal(status, 403)
  t.equal(headers['www-authenticate'], 'Bearer error="insufficient_scope", scope="tools:call"')
})

t.test('a name that no tool can have is unknown, and comes no further', async (t) => {
  const user = devices.makeToken()
  const { server_identifier } = forwarding(user.tenant_id)
  const long = 'x'.repeat(300)
  for (const name of ['a\0b__x', 'a\ud800b__x', `${'a'.repeat(9_000)}__x`, `${server_identifier}__${long}`]) {
    const { status, body } = await askLegacy('/mcp', user.headers, 'tools/call', { name })
    t.match({ status, body }, { status: 200, body: { error: { code: -32602, message: /^Unknown tool/ } } })
  }
  for (const name of [long, 'a\nb']) {
    const { body } = await askLegacy(url(server_identifier), user.headers, 'tools/call', { name })
    t.match(body, { error: { code: -32602, message: /^Unknown tool/ } })
  }
  await askLegacy('/mcp', user.headers, 'tools/call', { name: `${server_identifier}__fine` })
  const recorded = async (): Promise<Json[]> =>
    (await app.inject({ url: '/v1/calls', headers: user.headers })).json().data
  const rows = await eventually(recorded, ({ length }) => length > 0)
  t.match(rows, [{ tool: 'fine', outcome: 'ok' }])
  t.equal(rows.length, 1)

  const key = broker.makeApiKey({ tenant_id: user.tenant_id })
  const headers = { 'onbehalf-user-id': 'x'.repeat(300) }
  const named = await askLegacy(url(server_identifier), key.headers, 'tools/call', { name: 'fine' }, headers)
  t.match(named, { status: 400, body: { error: { code: -32602, message: /Onbehalf-User-Id/ } } })
})

t.test('the endpoint of all has the prompts and resources of every provider, under joined names', async (t) => {
  const user = devices.makeToken()
  const { tenant_id } = user
  forwarding(tenant_id, everything, { server_identifier: 'one' })
  forwarding(tenant_id, fixture, { server_identifier: 'two' })
  forwarding(tenant_id, { url: 'http://127.0.0.1:1/mcp' }, { server_identifier: 'away' })
  const list = async (method: string, member: string, key: string): Promise<string[]> => {
    const { body } = await ask('/mcp', user.headers, { method })
    t.match(body, { result: { resultType: 'complete', cacheScope: 'private', ttlMs: Number } })
    return Object(body.result)[member].map((item: Json) => item[key])
  }
  const prompts = await list('prompts/list', 'prompts', 'name')
  t.ok(prompts.includes('two__test_simple_prompt') && prompts.some((name) => name.startsWith('one__')))
  const resources = await list('resources/list', 'resources', 'uri')
  const uri = 'onbehalf://two/test://static-text'
  t.ok(resources.includes(uri) && resources.some((one) => one.startsWith('onbehalf://one/')))
  const templates = await list('resources/templates/list', 'resourceTemplates', 'uriTemplate')
  t.ok(templates.includes('onbehalf://two/test://template/{id}/data'))

  const call = async (method: string, params: Json) => (await ask('/mcp', user.headers, { method, params })).body
  const name = 'two__test_simple_prompt'
  t.match(await call('prompts/get', { name }), { result: { messages: [{ role: 'user' }] } })
  t.match(await call('resources/read', { uri }), { result: { contents: [{ uri, text: /static text/ }] } })
  const argument = { name: 'arg1', value: 'par' }
  for (const ref of [
    { type: 'ref/prompt', name: 'two__test_prompt_with_arguments' },
    { type: 'ref/resource', uri: 'onbehalf://two/test://template/{id}/data' }
  ])
    t.match(await call('completion/complete', { ref, argument }), { result: { completion: { values: ['paris'] } } })
  for (const [method, params] of [
    ['prompts/get', { name: 'nowhere__x' }],
    ['prompts/get', { name: 'x' }],
    ['resources/read', { uri: 'onbehalf://nowhere/test://x' }],
    ['resources/read', { uri: 'test://static-text' }]
  ] as const)
    t.match(await call(method, params), { error: { code: -32602, message: 'There is no such prompt or resource.' } })

  for (let index = 0; index < 10; index += 1) forwarding(tenant_id, fixture, { server_identifier: `m-${index}` })
  const first = await call('prompts/list', {})
  const { nextCursor: cursor } = Object(first.result)
  t.type(cursor, 'string')
  const second = await call('prompts/list', { cursor })
  t.match(second, { result: { nextCursor: undefined } })
  t.ok(JSON.stringify(second).includes('two__test_simple_prompt'))
})
