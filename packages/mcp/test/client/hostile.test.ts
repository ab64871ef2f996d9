import t from 'tap'
import { UpstreamUnauthorized } from '../../src/client/index.ts'
import { nextPauseMs } from '../../src/client/listen.ts'
import { event, type Seen, startHostile } from './hostile.ts'
import { base, createSend, createTestClient, watched } from './send.ts'

const tool = { name: 'x', arguments: {} }
const done = { content: [{ type: 'text', text: 'done' }] }

t.test('what cannot be used is an upstream_error, and no call hangs on it', async (t) => {
  const answers: Record<string, Parameters<typeof startHostile>[1][string]> = {
    'broken JSON in an event': (_, { sse }) => sse('data: {"jsonrpc": \n\n'),
    'an event that is no message': (_, { sse }) => sse('data: 42\n\n'),
    'a stream that ends early': (_, { sse, raw }) => {
      sse(': nothing\n\n')
      raw.end()
    },
    'an event cut off by the end': ({ id }, { sse, raw }) => {
      sse(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: done })}\n`)
      raw.end()
    },
    'broken JSON': (_, { raw }) => raw.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":'),
    'the answer of another request': (_, { json }) => json({ jsonrpc: '2.0', id: 999_999, result: done }),
    'the answer of another request on a stream': (_, { sse }) => sse(event({ jsonrpc: '2.0', id: 0, result: done })),
    'neither result nor error': ({ id }, { json }) => json({ jsonrpc: '2.0', id }),
    'another kind of content': (_, { raw }) => raw.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello'),
    'an empty 202': (_, { raw }) => raw.writeHead(202).end(),
    'a redirect': (_, { raw }) => raw.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    'a refusal without words': (_, { raw }) => raw.writeHead(418).end()
  }
  for (const [name, behave] of Object.entries(answers)) {
    const { url } = await startHostile(t, { 'tools/call': behave })
    // One that hung would end as an upstream_timeout.
    await t.rejects(createTestClient(t).callTool({ ...base, url, ...tool }), { code: 'upstream_error' }, name)
  }
})

t.test('a server that is away or broken is upstream_unavailable', async (t) => {
  const client = createTestClient(t)
  const refused = client.callTool({ ...base, url: 'http://127.0.0.1:9/mcp', ...tool })
  await t.rejects(refused, { code: 'upstream_unavailable', cause: { message: /ECONNREFUSED/ } })
  let cut = () => {}
  const later: Record<string, number> = { '503': 7, '503 for ever': 3_600 }
  const faults: Record<string, Parameters<typeof startHostile>[1][string]> = {
    'a reset before the answer': (_, { raw }) => raw.socket?.resetAndDestroy(),
    'a reset in mid-stream': (_, { sse, raw }) => {
      cut = () => raw.socket?.resetAndDestroy()
      sse('data: {"jsonr')
    },
    '500': ({ id }, { json }) => json({ jsonrpc: '2.0', id, error: { code: -32603, message: 'internal' } }, 500),
    '503': (_, { raw }) => raw.writeHead(503, { 'retry-after': '7' }).end('later'),
    '503 for ever': (_, { raw }) => raw.writeHead(503, { 'retry-after': '99999999999' }).end('never')
  }
  for (const [name, behave] of Object.entries(faults)) {
    const { url, count } = await startHostile(t, { 'tools/call': behave })
    const send = watched(createSend(t), { onHead: () => cut() })
    const call = createTestClient(t, { send }).callTool({ ...base, url, ...tool, sessionKey: 'k' })
    await t.rejects(
      call,
      { code: 'upstream_unavailable', ...(later[name] && { extras: { retry_after_seconds: later[name] } }) },
      name
    )
    t.equal(count('tools/call'), 1, 'what may have run is not tried again')
  }
})

t.test('silence ends at the deadline of a request, of a stream, and of everything', async (t) => {
  const endless: NodeJS.Timeout[] = []
  t.teardown(() => {
    for (const timer of endless) clearInterval(timer)
  })
  const { url } = await startHostile(t, {
    'tools/call': ({ params }, { raw, sse }) => {
      if (params.name === 'half a body') raw.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc"')
      if (params.name === 'a silent stream') sse(': hello\n\n')
      if (params.name === 'endless events') endless.push(setInterval(() => sse(': beat\n\n'), 10))
    }
  })
  // The limits that a case is not about are too long for any test.
  const never = 600_000
  const msOf = async (name: string, { timeoutMs = never, sseReadTimeoutMs = never, callMsMax = never }) => {
    const client = createTestClient(t, { limits: { callMsMax } })
    const started = performance.now()
    const call = client.callTool({ url, headers: {}, ...tool, name, timeoutMs, sseReadTimeoutMs, sessionKey: 'k' })
    await t.rejects(call, { code: 'upstream_timeout' }, name)
    return performance.now() - started
  }
  await msOf('no answer', { timeoutMs: 150 })
  await msOf('half a body', { timeoutMs: 150 })
  await msOf('a silent stream', { sseReadTimeoutMs: 150 })
  const ms = await msOf('endless events', { sseReadTimeoutMs: 1_000, callMsMax: 1_500 })
  t.ok(ms >= 1_400, `every event gives a stream more time: ${ms} ms`)
})

t.test('a body without end and a line of 10 MB are given up without being kept', async (t) => {
  const piece = 'x'.repeat(64 * 1024)
  let written = 0
  const pour = (raw: NodeJS.WritableStream) => {
    written += piece.length
    if (raw.write(piece)) setImmediate(() => pour(raw))
    else raw.once('drain', () => pour(raw))
  }
  const { url } = await startHostile(t, {
    'tools/call': ({ params }, { raw, sse }) => {
      raw.on('error', () => {})
      if (params.name === 'line') sse(`data: ${'x'.repeat(10_000_000)}\n\n`)
      else
        pour(raw.writeHead(200, { 'content-type': params.name === 'json' ? 'application/json' : 'text/event-stream' }))
    }
  })
  const client = createTestClient(t)
  for (const name of ['line', 'json', 'stream']) {
    const call = client.callTool({ ...base, url, name, arguments: {} })
    await t.rejects(call, { code: 'upstream_error', message: /larger than 8388608 bytes/ }, name)
  }
  t.ok(written < 200_000_000)
})

t.test('who listens keeps nothing that was said, and takes no message that is too long', async (t) => {
  const said = { jsonrpc: '2.0', method: 'notifications/resources/list_changed' }
  const listen = async (behaviour: Parameters<typeof startHostile>[1]) => {
    const { url } = await startHostile(t, behaviour)
    const heard: string[] = []
    const request = { ...base, url, method: 'subscriptions/listen', params: { notifications: {} } }
    const asked = createTestClient(t).request({ ...request, onEvent: ({ method }) => heard.push(method) })
    return { asked, heard }
  }
  const discover: Parameters<typeof startHostile>[1] = {
    'server/discover': (_, { result }) => result({ supportedVersions: ['2026-07-28'] })
  }
  const { asked, heard } = await listen({
    ...discover,
    'subscriptions/listen': ({ id }, { sse, raw }) => {
      sse(event(said) + event({ jsonrpc: '2.0', id, result: {} }))
      raw.end()
    }
  })
  t.same((await asked).events, [])
  t.same(heard, [said.method])
  const long = `data: ${'x'.repeat(200_000)}\ndata: ${'x'.repeat(200_000)}`
  const listening: Parameters<typeof startHostile>[1][] = [
    { ...discover, 'subscriptions/listen': (_, { sse }) => sse(long) },
    { GET: (_, { sse }) => sse(long) }
  ]
  for (const behaviour of listening) {
    const tooLong = await listen(behaviour)
    await t.rejects(tooLong.asked, { code: 'upstream_error', message: /longer than 262144 characters/ })
  }
})

t.test('a server that ends its stream at once is left alone for longer each time', (t) => {
  let ms = 0
  const after = (heardMs: number, retryMs?: number) => {
    ms = nextPauseMs(ms, { heardMs, ...(retryMs !== undefined && { retryMs }) })
    return ms
  }
  t.same([after(5, 0), after(5, 0), after(5, 0)], [1_000, 2_000, 4_000], 'also where it says `retry: 0`')
  for (const _ of Array(10)) after(5)
  t.equal(after(5), 60_000)
  t.equal(after(90_000), 1_000, 'until one lasts')
  t.equal(after(5, 120_000), 120_000, 'and for as long as it asks for')
  t.end()
})

t.test('when the caller leaves, the stream is closed and a legacy server is told', async (t) => {
  const [closed, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { url, seen } = await startHostile(t, {
    'tools/call': (_, { sse, raw }) => {
      raw.on('close', closed.resolve)
      sse(': working\n\n')
    },
    'notifications/cancelled': (_, { raw }) => {
      raw.writeHead(202).end()
      told.resolve()
    }
  })
  const leaving = new AbortController()
  const onHead = (body: string) => body.includes('"tools/call"') && leaving.abort(new Error('gone'))
  const client = createTestClient(t, { send: watched(createSend(t), { onHead }) })
  const call = client.callTool({ ...base, url, ...tool, signal: leaving.signal, sessionKey: 'k' })
  await t.rejects(call, { message: 'gone' })
  await t.resolves(Promise.all([closed.promise, told.promise]))
  const called = seen.find(({ method }) => method === 'tools/call')
  t.match(seen.at(-1), { method: 'notifications/cancelled', params: { requestId: called?.id } })
  await t.rejects(client.callTool({ ...base, url, ...tool, signal: leaving.signal }), { message: 'gone' })
})

t.test('what the server asks on our stream is refused, a ping is answered, and the call goes on', async (t) => {
  const answered = Promise.withResolvers<void>()
  const repliesOf = (seen: readonly Seen[]) =>
    seen.filter(({ http, method }) => http === 'POST' && method === undefined)
  const { url, seen, count } = await startHostile(t, {
    'tools/call': async ({ id }, { sse, raw }) => {
      sse(event({ jsonrpc: '2.0', id: 'p', method: 'ping' }))
      sse(event({ jsonrpc: '2.0', id: 's', method: 'sampling/createMessage', params: {} }))
      for (const id of ['x'.repeat(300), { a: 'tree' }, null]) sse(event({ jsonrpc: '2.0', id, method: 'roots/list' }))
      for (let more = 0; more < 50; more += 1) sse(event({ jsonrpc: '2.0', id: more, method: 'roots/list' }))
      sse(event({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'told' } }))
      sse(event({ jsonrpc: '2.0', method: 'notifications/unknown' }))
      await answered.promise
      sse(event([{ jsonrpc: '2.0', id, result: done }]))
      raw.end()
    },
    POST: (_, { raw }) => {
      raw.writeHead(202).end()
      if (repliesOf(seen).length === 20) answered.resolve()
    }
  })
  let sent = 0
  const onSend = (body: string) => {
    if (body !== '' && !body.includes('"method"')) sent += 1
  }
  const client = createTestClient(t, { send: watched(createSend(t), { onSend }) })
  const { result, events } = await client.callTool({ ...base, url, ...tool })
  t.same(result, done)
  t.same(events, [{ method: 'notifications/message', params: { data: 'told' } }])
  t.equal(sent, 20, 'and no more than that')
  const replies = repliesOf(seen)
  t.match(
    replies.find(({ id }) => id === 'p'),
    { result: {} }
  )
  t.match(
    replies.find(({ id }) => id === 's'),
    { error: { code: -32601 } }
  )
  t.ok(replies.every(({ headers }) => headers['mcp-session-id'] === 'session-1'))
  t.ok(
    replies.every(({ id }) => String(id).length < 300 && typeof id !== 'object'),
    'a server does not decide how much we say'
  )
  t.equal(count('tools/call'), 1)
})

t.test('401 and 403 go to the caller, and say nothing about the era', async (t) => {
  let status = 401
  let challenge = 'Bearer resource_metadata="http://x/"'
  const refuse = (
    _: unknown,
    { json }: { json: (body: unknown, status: number, headers: Record<string, string>) => void }
  ) => json({ error: 'no' }, status, { 'www-authenticate': challenge })
  const behaviour: Parameters<typeof startHostile>[1] = { 'server/discover': refuse }
  const { url, count } = await startHostile(t, behaviour)
  const client = createTestClient(t)
  const call = () => client.callTool({ ...base, url, ...tool })
  const error = await call().catch((thrown: unknown) => thrown)
  t.ok(error instanceof UpstreamUnauthorized)
  t.match(error, { code: 'upstream_unauthorized', wwwAuthenticate: challenge, isOnlyAnswer: true })
  status = 403
  await t.rejects(call(), { code: 'upstream_error' })
  challenge = 'Bearer error="insufficient_scope", scope="files:read files:write"'
  await t.rejects(call(), {
    code: 'upstream_insufficient_scope',
    extras: { details: [{ path: 'scope', message: 'files:read files:write' }] }
  })
  t.equal(count('server/discover'), 3, 'asked each time, nothing was learned')
  t.equal(count('initialize') + count('tools/call'), 0)
})

t.test('a long error message is cut, and its code kept', async (t) => {
  const { url } = await startHostile(t, {
    'tools/call': ({ id }, { json }) => json({ jsonrpc: '2.0', id, error: { code: 7, message: 'm'.repeat(5_000) } })
  })
  const error = await createTestClient(t)
    .callTool({ ...base, url, ...tool })
    .catch((thrown: unknown) => thrown)
  t.match(error, { code: 'upstream_error', cause: { code: 7, message: /^m{1000}$/ } })
  t.match(error, { extras: { details: [{ message: '7' }, { message: /^m{1000}$/ }] } })
})

t.test('a list is read to its last page, but not in a circle or for ever', async (t) => {
  const { url, count } = await startHostile(t, {
    'tools/list': ({ params, headers }, { result }) => {
      const page = Number(params.cursor ?? 0)
      const next = { three: page < 2 ? page + 1 : undefined, circle: 0, ever: page + 1 }[String(headers['x-mode'])]
      result({
        tools: [{ name: `t${page}`, inputSchema: {} }],
        ...(next !== undefined && { nextCursor: String(next) })
      })
    }
  })
  const client = createTestClient(t, { limits: { pagesMax: 10 } })
  const list = (mode: string) => client.listTools({ ...base, url, headers: { 'X-Mode': mode } })
  t.same(
    (await list('three')).tools.map(({ name }) => name),
    ['t0', 't1', 't2']
  )
  t.equal(count('initialize'), 1, 'one session for all pages')
  await t.rejects(list('circle'), { message: /circle/ })
  const before = count('tools/list')
  await t.rejects(list('ever'), { message: /too much/ })
  t.equal(count('tools/list') - before, 10)
  await client.close()
  t.equal(count('DELETE'), 3, 'each listing ends its own session')
})

t.test('the deadline is one for each request, so a long list may take longer than one answer', async (t) => {
  const { url } = await startHostile(t, {
    'tools/list': ({ params }, { result }) => {
      const page = Number(params.cursor ?? 0)
      setTimeout(() => result({ tools: [], ...(page < 4 && { nextCursor: String(page + 1) }) }), 300)
    }
  })
  const started = performance.now()
  t.same((await createTestClient(t).listTools({ ...base, url, timeoutMs: 1_200 })).tools, [])
  t.ok(performance.now() - started > 1_200)
})

t.test('a stream that breaks off after an event with an id is taken up again, without a second call', async (t) => {
  let callId: unknown
  const { url, seen, count } = await startHostile(t, {
    'tools/call': ({ id }, { sse, raw }) => {
      callId = id
      sse('id: 41\nretry: 10\ndata:\n\n')
      raw.end()
    },
    GET: (_, { sse, raw }) => {
      sse(event({ jsonrpc: '2.0', id: callId, result: done }))
      raw.end()
    }
  })
  const { result } = await createTestClient(t).callTool({ ...base, url, ...tool })
  t.same(result, done)
  t.equal(count('tools/call'), 1)
  t.match(seen.find(({ http }) => http === 'GET')?.headers, { 'last-event-id': '41', 'mcp-session-id': 'session-1' })
})

t.test('a stream whose events are named by what no header can carry is not taken up again', async (t) => {
  for (const name of ['\u4e2d', 'x'.repeat(2_000)]) {
    const { url, count } = await startHostile(t, {
      'tools/call': (_, { sse, raw }) => {
        sse(`id: ${name}\ndata:\n\n`)
        raw.end()
      }
    })
    await t.rejects(createTestClient(t).callTool({ ...base, url, ...tool }), { code: 'upstream_error' })
    t.equal(count('GET'), 0)
  }
})
