import t from 'tap'
import { type Behaviour, startHostile } from './hostile.ts'
import { base, createTestClient } from './send.ts'

const tool = { name: 'x', arguments: {} }

t.test('a session belongs to one key: another user, or a renewed provider, never shares it', async (t) => {
  const { url, seen, count } = await startHostile(t, { 'tools/call': (_, { result }) => result({ content: [] }) })
  const client = createTestClient(t)
  const call = (sessionKey?: string) => client.callTool({ ...base, url, ...tool, ...(sessionKey && { sessionKey }) })
  await Promise.all([call('alice'), call('alice'), call('bob')])
  await call('alice')
  await call()
  await call()
  const used = seen.filter(({ method }) => method === 'tools/call').map(({ headers }) => headers['mcp-session-id'])
  t.equal(count('initialize'), 4, 'alice, bob, and one each for the calls without a key')
  t.equal(new Set(used.slice(0, 3)).size, 2)
  t.equal(new Set(used).size, 4)
  t.match(seen.find(({ method }) => method === 'notifications/initialized')?.headers, {
    'mcp-protocol-version': '2025-11-25',
    'mcp-session-id': /session-/
  })
  client.endSessions((key) => key === 'bob')
  await client.close()
  t.equal(count('DELETE'), 4)
})

t.test('a key that takes work to put together is asked for only where the server has sessions', async (t) => {
  let asked = 0
  const sessionKey = () => {
    asked += 1
    return 'alice'
  }
  for (const isLegacy of [false, true]) {
    const { url, count } = await startHostile(t, {
      'tools/call': (_, { result }) => result({ content: [] }),
      ...(isLegacy ? {} : { 'server/discover': (_, { result }) => result({ supportedVersions: ['2026-07-28'] }) })
    })
    const client = createTestClient(t)
    for (const _ of [1, 2]) await client.callTool({ ...base, url, ...tool, sessionKey })
    t.same([count('initialize'), asked], isLegacy ? [1, 2] : [0, 0])
  }
})

t.test('two users interleaved, each with a nonce, never get what is the other one’s', async (t) => {
  const { url } = await startHostile(t, {
    'tools/call': ({ id, params, headers }, { json, sse, raw }) => {
      const answer = {
        jsonrpc: '2.0',
        id,
        result: { nonce: params.arguments, who: headers.authorization, session: headers['mcp-session-id'] }
      }
      const delayMs = (Number(id) * 7919) % 13
      setTimeout(() => {
        if (Number(id) % 2 === 0) return json(answer)
        sse(`data: ${JSON.stringify(answer)}\n\n`)
        raw.end()
      }, delayMs)
    }
  })
  const client = createTestClient(t)
  const sessions: Record<string, Set<unknown>> = { alice: new Set(), bob: new Set() }
  const run = async (user: string, lane: number) => {
    for (let turn = 0; turn < 30; turn += 1) {
      const nonce = { user, lane, turn }
      const headers = { Authorization: `Bearer ${user}` }
      const { result } = await client.callTool({ ...base, url, headers, sessionKey: user, name: 'x', arguments: nonce })
      sessions[user]?.add(result.session)
      if (result.who !== `Bearer ${user}` || JSON.stringify(result.nonce) !== JSON.stringify(nonce)) t.fail('crossed')
    }
  }
  await Promise.all(['alice', 'bob'].flatMap((user) => Array.from({ length: 16 }, (_, lane) => run(user, lane))))
  t.equal(sessions.alice?.size, 1)
  t.equal(sessions.bob?.size, 1)
  t.notSame([...(sessions.alice ?? [])], [...(sessions.bob ?? [])])
})

t.test('a server that forgot a session gets a new one, once, before anything ran', async (t) => {
  for (const status of [404, 400]) {
    let forgotten = ''
    const { url, count } = await startHostile(t, {
      'tools/call': ({ headers }, { result, json }) => {
        const isGone = forgotten === 'all' || headers['mcp-session-id'] === forgotten
        if (!isGone) return result({ content: [] })
        json({ jsonrpc: '2.0', id: null, error: { code: -32000, message: 'No valid session ID provided' } }, status)
      }
    })
    const client = createTestClient(t)
    const call = () => client.callTool({ ...base, url, ...tool, sessionKey: 'k' })
    await call()
    forgotten = 'session-1'
    await Promise.all([call(), call()])
    t.equal(count('initialize'), 2, 'both calls share the new session')
    forgotten = 'all'
    await t.rejects(call(), { code: 'upstream_error' })
    t.equal(count('initialize'), 3, 'but a server that forgets at once is not asked for ever')
  }
})

t.test('sessions are bounded: the idle and the longest unused are ended at the server', async (t) => {
  let time = 0
  const ended = Promise.withResolvers<void>()
  const { url, seen, count } = await startHostile(t, {
    'tools/call': (_, { result }) => result({ content: [] }),
    DELETE: (_, { raw }) => {
      raw.writeHead(200).end()
      ended.resolve()
    }
  })
  const limits = { sessionsMax: 2, sessionIdleMs: 1_000 }
  const client = createTestClient(t, { limits, now: () => new Date(time) })
  const call = (sessionKey: string) => client.callTool({ ...base, url, ...tool, sessionKey })
  for (const key of ['a', 'b', 'a', 'c']) await call(key)
  await ended.promise
  const gone = seen.find(({ http }) => http === 'DELETE')
  t.equal(gone?.headers['mcp-session-id'], 'session-2', 'b was unused for longest')
  for (const key of ['a', 'd']) await call(key)
  t.equal(count('initialize'), 4, 'the one in use stays')
  time = 5_000
  await call('d')
  t.equal(count('initialize'), 5)
  await client.close()
  const all = seen.filter(({ http }) => http === 'DELETE').map(({ headers }) => headers['mcp-session-id'])
  t.same(all.toSorted(), ['session-1', 'session-2', 'session-3', 'session-4', 'session-5'])
})

t.test('one caller who leaves while a shared session opens does not take it from the other', async (t) => {
  const [asked, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { url, count } = await startHostile(t, {
    initialize: async ({ id, params }, { json }) => {
      asked.resolve()
      await left.promise
      const result = { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: {} }
      json({ jsonrpc: '2.0', id, result }, 200, { 'mcp-session-id': 's' })
    },
    'tools/call': (_, { result }) => result({ content: [] })
  })
  const client = createTestClient(t)
  const leaving = new AbortController()
  const first = client.callTool({ ...base, url, ...tool, sessionKey: 'k', signal: leaving.signal })
  const second = client.callTool({ ...base, url, ...tool, sessionKey: 'k' })
  await asked.promise
  leaving.abort(new Error('gone'))
  await t.rejects(first, { message: 'gone' }, 'the one who leaves does not wait for the server either')
  left.resolve()
  t.match(await second, { result: { content: [] } })
  t.equal(count('initialize'), 1)
})

t.test('a server without session ids is still greeted first, and a version we do not speak is refused', async (t) => {
  let protocolVersion = '2025-03-26'
  const { url, seen, count } = await startHostile(t, {
    initialize: (_, { result }) => result({ protocolVersion, capabilities: {}, serverInfo: {} }),
    'tools/call': (_, { result }) => result({ content: [] })
  })
  const client = createTestClient(t)
  await client.callTool({ ...base, url, ...tool })
  t.match(seen.at(-1)?.headers, { 'mcp-protocol-version': '2025-03-26', 'mcp-session-id': undefined })
  protocolVersion = '2024-01-01'
  await t.rejects(client.callTool({ ...base, url, ...tool }), { code: 'upstream_error', message: /no revision/ })
  await client.close()
  t.equal(count('DELETE'), 0)
})

t.test('a greeting that is very long is no greeting', async (t) => {
  const { url, count } = await startHostile(t, {
    initialize: (_, { result }) =>
      result({ protocolVersion: '2025-11-25', capabilities: { much: 'x'.repeat(300_000) }, serverInfo: {} })
  })
  await t.rejects(createTestClient(t).callTool({ ...base, url, ...tool }), { code: 'upstream_error' })
  t.equal(count('tools/call'), 0)
})

t.test('an era is remembered for a while, and learned anew when the server has changed', async (t) => {
  let time = 0
  let era = 'legacy'
  const { url, count } = await startHostile(t, {
    'server/discover': ({ id }, { json }) => {
      if (era === 'modern') json({ jsonrpc: '2.0', id, result: { supportedVersions: ['2026-07-28'] } })
      else
        json({ jsonrpc: '2.0', id, error: { code: -32022, message: 'no', data: { supported: ['2025-11-25'] } } }, 400)
    },
    initialize: ({ id, params }, { json }) => {
      const error = { code: -32022, message: 'no', data: { supported: ['2026-07-28'] } }
      if (era === 'modern') json({ jsonrpc: '2.0', id, error }, 400)
      else json({ jsonrpc: '2.0', id, result: { protocolVersion: params.protocolVersion } })
    },
    'tools/call': ({ id, params }, { json }) => {
      const speaks = '_meta' in params ? 'modern' : 'legacy'
      if (speaks === era) json({ jsonrpc: '2.0', id, result: { era } })
      else json({ jsonrpc: '2.0', id, error: { code: -32000, message: 'Bad Request' } }, 400)
    }
  })
  const client = createTestClient(t, { limits: { eraMs: 1_000 }, now: () => new Date(time) })
  const call = async () => (await client.callTool({ ...base, url: `${url}?q=${time}`, ...tool })).result
  t.same([await call(), await call()], [{ era: 'legacy' }, { era: 'legacy' }])
  t.equal(count('server/discover'), 1)
  era = 'modern'
  t.same(await call(), { era: 'modern' })
  t.same(await call(), { era: 'modern' })
  t.equal(count('server/discover'), 2)
  era = 'legacy'
  t.same(await call(), { era: 'legacy' })
  t.equal(count('server/discover'), 3)
  time = 1_001
  await call()
  t.equal(count('server/discover'), 4)
})

t.test('of too many servers the one that was not called for longest is asked again what it speaks', async (t) => {
  let time = 0
  const modern: Behaviour = {
    'server/discover': (_, { result }) => result({ supportedVersions: ['2026-07-28'] }),
    'tools/call': (_, { result }) => result({ content: [] })
  }
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => startHostile(t, modern)))
  const client = createTestClient(t, { limits: { erasMax: 2 }, now: () => new Date(time) })
  for (const server of [one, two, one, three, one, two]) {
    await client.callTool({ ...base, url: String(server?.url), ...tool })
    time += 1_000
  }
  t.same(
    [one, two, three].map((server) => server?.count('server/discover')),
    [1, 2, 1]
  )
})

t.test('the provider’s headers go along, but never in the place of the protocol’s own', async (t) => {
  const { url, seen } = await startHostile(t, { 'tools/call': (_, { result }) => result({}) })
  const headers = {
    Authorization: 'Bearer x',
    'X-Tenant': 'acme',
    'MCP-Session-Id': 'stolen',
    ACCEPT: 'text/html',
    Host: 'evil'
  }
  await createTestClient(t).callTool({ ...base, url, headers, ...tool })
  const called = seen.find(({ method }) => method === 'tools/call')
  t.match(called?.headers, {
    ...{ authorization: 'Bearer x', 'x-tenant': 'acme', 'mcp-session-id': 'session-1' },
    ...{ accept: 'application/json, text/event-stream', host: /^127/ }
  })
})
