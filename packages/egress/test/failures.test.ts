import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { wasSent } from '../src/index.ts'
import { endingWays, failureOf, get, open, serve, serveTcp, ways } from './servers.ts'

// Unpacked it is far larger than what a busy process grows by meanwhile.
const unpackedBytes = 512 * 1024 * 1024
const piece = gzipSync(Buffer.alloc(unpackedBytes / 32))
// RFC 1952 §2.2: members one after the other are one body.
const bomb = Buffer.concat(Array(32).fill(piece))

t.test('an endless body is cut off at the cap', async (t) => {
  const server = await serve(t, (request, response) => {
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      if (!response.destroyed) response.once('drain', write)
    }
    request.socket.on('error', () => undefined)
    write()
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  for (const [way, read] of Object.entries(ways)) {
    const error = await failureOf(read(egress, server.origin, { maxBytes: 1_000_000 }))
    t.match(error, { code: 'upstream_error', message: /more than 1000000 bytes/ }, way)
    t.equal(wasSent(error), 'unknown', way)
  }
  const streamed = await egress.request(server.origin, { ...get, maxBytes: 200_000 })
  const [caught] = await once(streamed.body.resume(), 'error')
  t.match(caught, { code: 'upstream_error' }, 'also when it is read as a stream')
  const fetched = await egress.fetch(server.origin)
  t.equal((await failureOf(fetched.text())).code, 'upstream_error', 'also through fetch')
})

t.test('a length over the cap is refused before the body is read, and one at the cap is not', async (t) => {
  const server = await serve(t, (_, response) => response.end('x'.repeat(1_000)))
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  for (const [way, read] of Object.entries(ways)) {
    t.equal((await failureOf(read(egress, server.origin, { maxBytes: 999 }))).code, 'upstream_error', way)
    t.equal((await read(egress, server.origin, { maxBytes: 1_000 })).length, 1_000, way)
    t.equal(await read(egress, server.origin, { method: 'HEAD', maxBytes: 10 }), '', way)
  }
})

t.test('compressed answers are read, and a bomb is cut off at the cap', async (t) => {
  const bodies: Record<string, [string, Buffer | string]> = {
    '/gzip': ['gzip', gzipSync('hello')],
    '/br': ['BR', brotliCompressSync('hello')],
    '/bomb': ['gzip', bomb],
    '/odd': ['snappy', 'hello'],
    '/damaged': ['gzip', 'hello'],
    '/cut': ['gzip', gzipSync('hello').subarray(0, 15)]
  }
  const server = await serve(t, (request, response) => {
    const [coding, body] = bodies[request.url ?? ''] ?? ['', '']
    response.writeHead(200, { 'content-encoding': coding }).end(body)
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  for (const [way, readAt] of Object.entries(ways)) {
    const read = (path: string): Promise<string> => readAt(egress, `${server.origin}${path}`)
    t.equal(await read('/gzip'), 'hello', way)
    t.equal(await read('/br'), 'hello', way)
    t.equal(server.seen.pop()?.headers['accept-encoding'], 'identity', way)
    const before = process.memoryUsage().rss
    t.match(await failureOf(read('/bomb')), { code: 'upstream_error', message: /more than 1048576 bytes/ }, way)
    t.ok(process.memoryUsage().rss - before < unpackedBytes / 4, `it is never held unpacked, ${way}`)
    for (const path of ['/odd', '/damaged', '/cut'])
      t.equal((await failureOf(read(path))).code, 'upstream_error', `${path}, ${way}`)
  }
  t.notOk((await egress.request(`${server.origin}/gzip`, get)).headers['content-encoding'])
})

t.test('slow answers end at the limit that they break', async (t) => {
  let cutOff = Promise.withResolvers<void>()
  const server = await serve(t, (request, response) => {
    if (request.url === '/headers') return
    response.write('first')
    if (request.url !== '/trickle') return
    const timer = setInterval(() => response.write('.'), 30)
    response.on('close', () => {
      clearInterval(timer)
      cutOff.resolve()
    })
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  // The limits that a case is not about are too long for any test.
  const never = { headersTimeoutMs: 600_000, bodyTimeoutMs: 600_000, timeoutMs: 600_000 }
  const limits = {
    '/headers': { headersTimeoutMs: 200 },
    '/stall': { bodyTimeoutMs: 200 },
    // Of all that it takes, so it has to be sent within.
    '/trickle': { timeoutMs: 3_000 }
  }
  const cases = Object.entries(ways).flatMap(([way, read]) =>
    Object.entries(limits).map(async ([path, limit]) => {
      const error = await failureOf(read(egress, `${server.origin}${path}`, { ...never, ...limit }))
      t.same([error.code, wasSent(error)], ['upstream_timeout', 'unknown'], `${path}, ${way}`)
    })
  )
  await Promise.all(cases)
  cutOff = Promise.withResolvers<void>()
  const unread = await egress.request(`${server.origin}/trickle`, { ...get, timeoutMs: 1_000 })
  await cutOff.promise
  t.equal((await failureOf(unread.text())).code, 'upstream_timeout', 'a body that nobody read in time')
})

t.test('who gives up gets the own reason back, at once', async (t) => {
  const controller = new AbortController()
  const reason = new Error('the caller left')
  const server = await serve(t, (request, response) => {
    if (request.url === '/answered') response.end('ok')
    else controller.abort(reason)
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  await t.rejects(egress.request(server.origin, { ...get, signal: controller.signal }), reason)
  await t.rejects(egress.request(server.origin, { ...get, signal: controller.signal }), reason)
  t.equal(server.seen.length, 1)
  const untouched = open(t, { allow: `127.0.0.2:${server.port}` })
  const connections = server.connections
  await t.rejects(untouched.request(server.origin, { ...get, signal: controller.signal }), reason)
  t.equal(await (await untouched.request(`${server.origin}/answered`, get)).text(), 'ok')
  t.equal(server.connections, connections + 1, 'a call given up before it began does not even connect')
  const late = await failureOf(egress.request(server.origin, { ...get, signal: AbortSignal.timeout(50) }))
  t.equal(late.code, 'upstream_timeout')
})

t.test('what was surely not sent is told from what may have been', async (t) => {
  const refused = await serveTcp(t, (socket) => socket.destroy())
  const reset = await serveTcp(t, (socket) => socket.once('data', () => socket.resetAndDestroy()))
  const cut = await serveTcp(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'))
  )
  const garbage = await serveTcp(t, (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')))
  const silent = await serveTcp(t, () => undefined)
  const redirecting = await serve(t, (_, response) =>
    response.writeHead(302, { location: 'http://unknown.example/' }).end()
  )
  const ports = [refused, reset, cut, garbage, silent, redirecting.port, 1]
  const lookup = async (hostname: string) => {
    if (hostname === 'slow.example') await new Promise(() => {})
    if (hostname === 'unknown.example') throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    return ['127.0.0.2']
  }
  const allow = ports.map((port) => `127.0.0.2:${port}`).join()
  const egress = open(t, { allow, lookup, connectTimeoutMs: 3_000 })
  const cases: [string, string, 'no' | 'unknown', number?][] = [
    ['http://127.0.0.2:1/', 'upstream_unavailable', 'no'],
    ['http://unknown.example/', 'upstream_unavailable', 'no'],
    ['http://10.0.0.1/', 'policy_denied', 'no'],
    ['not a url', 'invalid_request', 'no'],
    [`https://mcp.example:${silent}/`, 'upstream_timeout', 'no'],
    [`https://mcp.example:${refused}/`, 'upstream_unavailable', 'no'],
    [`https://mcp.example:${garbage}/`, 'upstream_unavailable', 'no'],
    [`http://slow.example:${silent}/`, 'upstream_timeout', 'no'],
    [`http://slow.example:${silent}/`, 'upstream_timeout', 'no', 100],
    [`http://127.0.0.2:${silent}/`, 'upstream_timeout', 'unknown', 3_000],
    [`http://127.0.0.2:${reset}/`, 'upstream_unavailable', 'unknown'],
    [`http://127.0.0.2:${cut}/`, 'upstream_unavailable', 'unknown'],
    [`http://127.0.0.2:${garbage}/`, 'upstream_error', 'unknown']
  ]
  const played = Object.entries(ways).flatMap(([way, read]) =>
    cases.map(async ([url, code, sent, timeoutMs = 30_000]) => {
      const error = await failureOf(read(egress, url, { timeoutMs }))
      t.same([error.code, wasSent(error)], [code, sent], `${url} within ${timeoutMs} ms, ${way}`)
    })
  )
  await Promise.all(played)
  const redirected = await failureOf(egress.request(redirecting.origin, { ...get, followRedirects: 1 }))
  t.same([redirected.code, wasSent(redirected)], ['upstream_unavailable', 'unknown'])
  t.equal(
    wasSent(new Error('wrapped', { cause: await failureOf(egress.request('http://10.0.0.1/', get)) })),
    'no',
    'also when it is wrapped'
  )
  t.equal(wasSent(new Error('anything else')), 'unknown')
})

t.test('a process that stood still past its deadline sends nothing when it wakes', async (t) => {
  const server = await serve(t, (_, response) => response.end('ok'))
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  for (const [way, read] of Object.entries(endingWays))
    for (const call of ['that connects', 'on a connection that is open']) {
      const asked = read(egress, server.origin, { timeoutMs: 5_000 })
      // No timer ran meanwhile, so only the clock tells.
      Date.now = () => now() + 6_000
      const error = await failureOf(asked)
      Date.now = now
      t.match([error.code, wasSent(error)], ['upstream_timeout', 'no'], `${call}, ${way}`)
      t.same(server.seen, [])
      server.seen.splice(0)
      await read(egress, server.origin)
      server.seen.splice(0)
    }
})

t.test('no error quotes what was sent or answered', async (t) => {
  const secret = 'secret-token-0123456789'
  const garbage = await serveTcp(t, (socket) => socket.once('data', () => socket.end(`HTTP/1.1 ${secret}\r\n\r\n`)))
  const server = await serve(t, (_, response) => response.end(secret))
  const egress = open(t, { allow: `127.0.0.2:${garbage},127.0.0.2:${server.port},127.0.0.2:1` })
  const call = { carriesCredential: true, method: 'POST', headers: { authorization: `Bearer ${secret}` }, body: secret }
  const bad = { ...call, headers: { authorization: `Bearer ${secret}\n` } }
  for (const [port, request] of [
    [garbage, call],
    [server.port, call],
    [server.port, bad],
    [1, call]
  ] as const) {
    const url = `http://127.0.0.2:${port}/${secret}`
    const error = await failureOf(egress.request(url, request).then((answer) => answer.json()))
    t.notMatch(inspect(error, { depth: 9 }), secret, error.code)
    for (const [way, read] of Object.entries(ways)) {
      const thrown = await read(egress, url, request).catch((failure: unknown) => failure)
      if (thrown instanceof Error) t.notMatch(inspect(thrown, { depth: 9 }), secret, way)
    }
  }
})

t.test('a kept connection that the server closes meanwhile counts as perhaps sent', async (t) => {
  let requests = 0
  const port = await serveTcp(t, (socket) =>
    socket.on('data', () => {
      requests += 1
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      else socket.resetAndDestroy()
    })
  )
  const egress = open(t, { allow: `127.0.0.2:${port}` })
  const url = `http://127.0.0.2:${port}/`
  t.equal(await (await egress.request(url, get)).text(), 'ok')
  const error = await failureOf(egress.request(url, { ...get, method: 'POST', body: 'x' }))
  t.equal(wasSent(error), 'unknown')
  t.equal(requests, 2, 'and it is not repeated')
})

t.test('closing waits for the calls that run', async (t) => {
  const asked = Promise.withResolvers<ServerResponse>()
  const server = await serve(t, (_, response) => asked.resolve(response))
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  const answer = egress.request(server.origin, get).then((answered) => answered.text())
  const response = await asked.promise
  const closing = egress.close(600_000)
  response.end('done')
  t.equal(await answer, 'done')
  await t.resolves(closing)
})

t.test('closing cuts off what still runs when its patience ends', async (t) => {
  const asked = Promise.withResolvers<void>()
  const server = await serve(t, () => {
    if (server.seen.length === Object.keys(ways).length) asked.resolve()
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  const stuck = Promise.all(Object.values(ways).map((read) => failureOf(read(egress, server.origin))))
  await asked.promise
  await egress.close(100)
  for (const { code } of await stuck) t.equal(code, 'upstream_unavailable')
})
