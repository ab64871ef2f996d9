import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { UpstreamUnauthorized } from '../../src/client/index.ts'
import { event, startHostile } from './hostile.ts'
import { base, createTestClient } from './send.ts'

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
    const started = performance.now()
    await t.rejects(createTestClient(t).callTool({ ...base, url, ...tool }), { code: 'upstream_error' }, name)
    t.ok(performance.now() - started < 1_000, 'at once')
  }
})

t.test('a server that is away or broken is upstream_unavailable', async (t) => {
  const client = createTestClient(t)
  const refused = client.callTool({ ...base, url: 'http://127.0.0.1:9/mcp', ...tool })
  await t.rejects(refused, { code: 'upstream_unavailable', cause: { message: /ECONNREFUSED/ } })
  const faults: Record<string, Parameters<typeof startHostile>[1][string]> = {
    'a reset before the answer': (_, { raw }) => raw.socket?.resetAndDestroy(),
    'a reset in mid-stream': (_, { sse, raw }) => {
      sse('data: {"jsonr')
      setTimeout(() => raw.socket?.resetAndDestroy(), 20)
    },
    '500': ({ id }, { json }) => json({ jsonrpc: '2.0', id, error: { code: -32603, message: 'internal' } }, 500),
    '503': (_, { raw }) => raw.writeHead(503, { 'retry-after': '7' }).end('later')
  }
  for (const [name, behave] of Object.entries(faults)) {
    const { url, count } = await startHostile(t, { 'tools/call': behave })
    const call = createTestClient(t).callTool({ ...base, url, ...tool, sessionKey: 'k' })
    await t.rejects(
      call,
      { code: 'upstream_unavailable', ...(name === '503' && { extras: { retry_after_seconds: 7 } }) },
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
      if (params.name === 'endless progress') endless.push(setInterval(() => sse(': beat\n\n'), 10))
    }
  })
  const client = createTestClient(t, { limits: { callMsMax: 600 } })
  const timeOf = async (name: string, sseReadTimeoutMs: number): Promise<number> => {
    const started = performance.now()
    const call = client.callTool({
      url,
      headers: {},
      name,
      arguments: {},
      timeoutMs: 150,
      sseReadTimeoutMs,
      sessionKey: 'k'
    })
    await t.rejects(call, { code: 'upstream_timeout' }, name)
    return performance.now() - started
  }
  const near = (ms: number, wanted: number) => t.ok(ms > wanted * 0.9 && ms < wanted + 200, `${ms} is about ${wanted}`)
  near(await timeOf('no answer', 5_000), 150)
  near(await timeOf('half a body', 5_000), 150)
  near(await timeOf('a silent stream', 300), 300)
  near(await timeOf('endless progress', 300), 600)
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

t.test('when the caller leaves, the stream is closed and a legacy server is told', async (t) => {
  let isClosed = false
  const { url, seen, count } = await startHostile(t, {
    'tools/call': (_, { sse, raw }) => {
      raw.on('close', () => {
        isClosed = true
      })
      sse(': working\n\n')
    }
  })
  const client = createTestClient(t)
  const leaving = new AbortController()
  const call = client.callTool({ ...base, url, ...tool, signal: leaving.signal, sessionKey: 'k' })
  setTimeout(() => leaving.abort(new Error('gone')), 100)
  await t.rejects(call, { message: 'gone' })
  for (let wait = 0; wait < 50 && count('notifications/cancelled') === 0; wait += 1) await sleep(10)
  t.ok(isClosed)
  const called = seen.find(({ method }) => method === 'tools/call')
  t.match(seen.at(-1), { method: 'notifications/cancelled', params: { requestId: called?.id } })
  await t.rejects(client.callTool({ ...base, url, ...tool, signal: leaving.signal }), { message: 'gone' })
})

t.test('what the server asks on our stream is refused, a ping is answered, and the call goes on', async (t) => {
  const { url, seen, count } = await startHostile(t, {
    'tools/call': async ({ id }, { sse, raw }) => {
      sse(event({ jsonrpc: '2.0', id: 'p', method: 'ping' }))
      sse(event({ jsonrpc: '2.0', id: 's', method: 'sampling/createMessage', params: {} }))
      for (let more = 0; more < 50; more += 1) sse(event({ jsonrpc: '2.0', id: more, method: 'roots/list' }))
      sse(event({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'told' } }))
      sse(event({ jsonrpc: '2.0', method: 'notifications/unknown' }))
      while (seen.filter(({ http, method }) => http === 'POST' && method === undefined).length < 20) await sleep(5)
      await sleep(50)
      sse(event([{ jsonrpc: '2.0', id, result: done }]))
      raw.end()
    }
  })
  const { result, events } = await createTestClient(t).callTool({ ...base, url, ...tool })
  t.same(result, done)
  t.same(events, [{ method: 'notifications/message', params: { data: 'told' } }])
  const replies = seen.filter(({ http, method }) => http === 'POST' && method === undefined)
  t.equal(replies.length, 20, 'and no more than that')
  t.match(
    replies.find(({ id }) => id === 'p'),
    { result: {} }
  )
  t.match(
    replies.find(({ id }) => id === 's'),
    { error: { code: -32601 } }
  )
  t.ok(replies.every(({ headers }) => headers['mcp-session-id'] === 'session-1'))
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
      setTimeout(() => result({ tools: [], ...(page < 4 && { nextCursor: String(page + 1) }) }), 100)
    }
  })
  const started = performance.now()
  t.same((await createTestClient(t).listTools({ ...base, url, timeoutMs: 300 })).tools, [])
  t.ok(performance.now() - started > 450)
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
