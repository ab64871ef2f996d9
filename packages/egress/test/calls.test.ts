import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setDefaultCACertificates } from 'node:tls'
import t from 'tap'
import { certificate } from './certificate.ts'
import { failureOf, get, open, readAll, serve, serveTcp } from './servers.ts'

const withCredential = { carriesCredential: true }
const bearer = { authorization: 'Bearer secret-token' }

t.test('a call arrives as it was made and its answer comes back whole', async (t) => {
  const server = await serve(t, (_, response) =>
    response.writeHead(418, { 'x-a': 'b', 'set-cookie': ['c=1', 'd=2'] }).end('{"ok":[1]}')
  )
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  for (const body of ['héllo', Buffer.from('héllo'), Readable.from([Buffer.from('hé'), Buffer.from('llo')])]) {
    const answer = await egress.request(`${server.origin}/path?q=1#f`, {
      ...get,
      method: 'post',
      headers: { 'X-One': '1' },
      body
    })
    t.match(answer, { status: 418, headers: { 'x-a': 'b', 'set-cookie': ['c=1', 'd=2'] } })
    t.same(await answer.json(), { ok: [1] })
  }
  t.equal(server.seen.length, 3)
  for (const seen of server.seen)
    t.match(seen, { method: 'POST', url: '/path?q=1', body: 'héllo', headers: { 'x-one': '1' } })
  t.match(await failureOf((await egress.request(server.origin, { ...get, method: 'HEAD' })).json()), {
    code: 'upstream_error'
  })
})

t.test('connections are kept and used again', async (t) => {
  const server = await serve(t, (_, response) => response.end('x'))
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  for (let calls = 0; calls < 20; calls += 1) await (await egress.request(server.origin, get)).text()
  t.ok(server.connections <= 2, 'the next call may begin just before the connection of the last one is free')
  await Promise.all(Array.from({ length: 20 }, async () => (await egress.request(server.origin, get)).text()))
  t.ok(server.connections > 5, 'and many calls at once do not wait for one')
})

t.test('a Host header cannot name another server', async (t) => {
  const server = await serve(t, (_, response) => response.end())
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  await (
    await egress.request(server.origin, { ...get, headers: { Host: 'inner.example', Connection: 'close' } })
  ).text()
  t.equal(server.seen[0]?.headers.host, `127.0.0.2:${server.port}`)
  const error = await failureOf(egress.request(server.origin, { ...get, headers: { 'x-bad': 'a\r\nb: c' } }))
  t.equal(error.code, 'invalid_request', 'and a header cannot smuggle another')
  t.equal(server.seen.length, 1)
})

t.test('a credential goes over https or to a listed loopback address, and nowhere else', async (t) => {
  const server = await serve(t, (_, response) => response.end('ok'))
  const { port } = server
  const lookup = async (hostname: string) => (hostname === 'inner.example' ? ['10.0.0.1'] : ['127.0.0.2'])
  const egress = open(t, { allow: `127.0.0.2:${port},10.0.0.1:${port}`, lookup })
  for (const url of [server.origin, `http://loop.example:${port}`])
    t.equal(await (await egress.request(url, withCredential)).text(), 'ok')
  for (const url of [`http://8.8.8.8/`, `http://10.0.0.1:${port}`, `http://inner.example:${port}`]) {
    for (const request of [withCredential, { ...get, headers: bearer }]) {
      const error = await failureOf(egress.request(url, request))
      t.match(error, { code: 'policy_denied', message: /needs https/ }, url)
    }
    t.match(await failureOf(egress.checkReachable(url, withCredential)), {
      code: 'policy_denied',
      message: /needs https/
    })
  }
  await t.resolves(egress.checkReachable(`http://10.0.0.1:${port}`))
  await t.resolves(egress.checkReachable('https://8.8.8.8', withCredential))
})

t.test('over TLS the name is what is asked for and verified, while the address is the checked one', async (t) => {
  setDefaultCACertificates([certificate])
  const server = await serve(t, (_, response) => response.end('ok'), { isTls: true })
  const egress = open(t, { allow: `127.0.0.2:${server.port}`, lookup: async () => ['127.0.0.2'] })
  t.equal(
    await (await egress.request(`https://mcp.example:${server.port}/`, { ...withCredential, headers: bearer })).text(),
    'ok'
  )
  t.match(server.seen[0], { servername: 'mcp.example', headers: bearer })
  const error = await failureOf(egress.request(`https://other.example:${server.port}/`, withCredential))
  t.match(error, { code: 'upstream_unavailable', message: /TLS certificate/ })
  t.equal(server.seen.length, 1)
})

t.test('a redirect is handed back as it is when a credential is carried, or when none is to be followed', async (t) => {
  const server = await serve(t, (request, response) =>
    response.writeHead(request.url === '/' ? 302 : 200, { location: '/next' }).end()
  )
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  for (const request of [
    { ...withCredential, followRedirects: 5 },
    { ...get, headers: bearer, followRedirects: 5 },
    get
  ]) {
    const answer = await egress.request(server.origin, request)
    t.match(answer, { status: 302, headers: { location: '/next' } })
    answer.discard()
  }
  t.equal(server.seen.length, 3)
})

t.test('a redirect is followed up to the cap, each hop checked anew', async (t) => {
  const target = { location: '' }
  const server = await serve(t, (request, response) => {
    if (request.url === '/start') return response.writeHead(302, target).end('moved')
    if (request.url?.startsWith('/loop')) return response.writeHead(307, { location: '/loop' }).end()
    return response.end('arrived')
  })
  const inner = await serve(t, (_, response) => response.end('secret'), { host: '127.0.0.3', port: server.port })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  const follow = (path: string) =>
    egress.request(`${server.origin}${path}`, { ...get, followRedirects: 3, timeoutMs: 30_000 })

  target.location = 'arrival'
  t.equal(await (await follow('/start')).text(), 'arrived')
  const before = server.seen.length
  t.equal((await follow('/loop')).status, 307)
  t.equal(server.seen.length - before, 4)

  const refused = {
    'http://169.254.169.254/latest/meta-data': 'policy_denied',
    [inner.origin]: 'policy_denied',
    'http://[::ffff:127.0.0.3]/': 'policy_denied'
  }
  const disguised = {
    'http://2852039166/': 'upstream_error',
    '//0x7f000003/': 'upstream_error',
    'file:///etc/passwd': 'upstream_error',
    'http://a:b@8.8.8.8/': 'upstream_error'
  }
  for (const [location, code] of Object.entries({ ...refused, ...disguised })) {
    target.location = location
    t.equal((await failureOf(follow('/start'))).code, code, location)
  }
  t.equal(inner.connections, 0)
})

t.test('credentials and bodies stay at their origin when a redirect leaves it', async (t) => {
  const other = await serve(t, (_, response) => response.end('other'), { host: '127.0.0.4' })
  const server = await serve(t, (request, response) => {
    const [, status, where] = /^\/(\d+)\/(\w+)/.exec(request.url ?? '') ?? []
    const location = where === 'away' ? other.origin : '/here'
    return status === undefined ? response.end('here') : response.writeHead(Number(status), { location }).end()
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port},127.0.0.4:${other.port}` })
  const call = {
    ...get,
    followRedirects: 2,
    headers: { 'X-Api-Key': 'secret', 'Content-Type': 'text/plain', Accept: 'text/html' }
  }

  await egress.request(`${server.origin}/302/away`, call)
  t.match(other.seen[0]?.headers, { accept: 'text/html', 'content-type': 'text/plain' })
  t.notOk(other.seen[0]?.headers['x-api-key'])
  await egress.request(`${server.origin}/302/here`, call)
  t.equal(server.seen.at(-1)?.headers['x-api-key'], 'secret', 'they stay on within it')

  const post = { ...call, method: 'POST', body: 'text' }
  await egress.request(`${server.origin}/307/here`, post)
  t.match(server.seen.at(-1), { url: '/here', method: 'POST', body: 'text' })
  await egress.request(`${server.origin}/303/here`, post)
  t.match(server.seen.at(-1), { url: '/here', method: 'GET', body: '' })
  t.notOk(server.seen.at(-1)?.headers['content-type'])
  t.equal((await egress.request(`${server.origin}/308/away`, post)).status, 308)
  t.equal((await egress.request(`${server.origin}/307/away`, { ...call, method: 'DELETE' })).status, 307)
  t.equal(
    (await egress.request(`${server.origin}/307/here`, { ...post, body: Readable.from(['text']) })).status,
    307,
    'a stream is not sent twice'
  )
  t.equal(
    (await egress.request(`${server.origin}/302/away`, { ...call, body: 'text' })).status,
    302,
    'a GET with a body'
  )
  t.equal(other.seen.length, 1)
})

t.test('https is not left for http', async (t) => {
  setDefaultCACertificates([certificate])
  const plain = await serve(t, (_, response) => response.end('forged'))
  const server = await serve(t, (_, response) => response.writeHead(302, { location: plain.origin }).end(), {
    isTls: true
  })
  const egress = open(t, {
    allow: `127.0.0.2:${server.port},127.0.0.2:${plain.port}`,
    lookup: async () => ['127.0.0.2']
  })
  const error = await failureOf(egress.request(`https://mcp.example:${server.port}/`, { ...get, followRedirects: 2 }))
  t.equal(error.code, 'policy_denied')
  t.equal(plain.connections, 0)
})

t.test('fetch works as libraries expect it, behind the same guard', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url === '/empty') return response.writeHead(204).end()
    if (request.url === '/away') return response.writeHead(302, { location: '/' }).end()
    return response
      .writeHead(200, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] })
      .end('{"keys":[]}')
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  const response = await egress.fetch(new URL(server.origin), { headers: new Headers(bearer), redirect: 'manual' })
  t.type(response, Response)
  t.match(response, { ok: true, status: 200, url: `${server.origin}/` })
  t.same(response.headers.getSetCookie(), ['a=1', 'b=2'])
  t.same(await response.json(), { keys: [] })
  t.match(server.seen[0]?.headers, bearer)
  t.equal((await egress.fetch(`${server.origin}/empty`)).body, null)
  t.equal((await egress.fetch(`${server.origin}/away`)).status, 302)

  await egress.fetch(server.origin, { method: 'POST', body: new URLSearchParams({ a: 'b c' }) })
  t.match(server.seen.at(-1), {
    method: 'POST',
    body: 'a=b+c',
    headers: { 'content-type': /^application\/x-www-form-urlencoded/ }
  })
  await egress.fetch(new Request(server.origin, { method: 'PUT', body: 'text', headers: { 'x-a': 'b' } }))
  t.match(server.seen.at(-1), { method: 'PUT', body: 'text', headers: { 'x-a': 'b' } })

  t.equal((await failureOf(egress.fetch('http://169.254.169.254/'))).code, 'policy_denied')
  t.match(await failureOf(egress.fetch('http://8.8.8.8/', { method: 'POST', body: 'client_secret=x' })), {
    message: /needs https/
  })
  t.match(await failureOf(egress.fetch('http://8.8.8.8/', { headers: bearer })), { message: /needs https/ })
  const followed = await egress.fetchWith({ followRedirects: 1 })(`${server.origin}/away`)
  t.equal(followed.status, 200)
})

t.test('an opened answer holds its server back while nobody reads it, and comes whole', async (t) => {
  const piece = Buffer.alloc(1024 * 1024, 'x')
  const pieces = 64
  let written = 0
  const isFull = Promise.withResolvers<void>()
  const server = await serve(t, async (_, response) => {
    for (; written < pieces; written += 1) {
      if (response.write(piece)) continue
      isFull.resolve()
      await once(response, 'drain')
    }
    response.end()
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  const { body } = await egress.open(server.origin, { ...get, maxBytes: Number.POSITIVE_INFINITY })
  await isFull.promise
  // Whoever else is asked and answered meanwhile gives the server time to go on, if it could, until it does no more.
  const other = await serve(t, (_, response) => response.end('ok'))
  const others = open(t, { allow: `127.0.0.2:${other.port}` })
  let before: number
  do {
    before = written
    for (let calls = 0; calls < 50; calls += 1) await (await others.request(other.origin, get)).text()
  } while (written > before)
  t.ok(written < pieces, 'it waits')
  let bytes = 0
  for await (const part of body) bytes += part.byteLength
  t.equal(bytes, pieces * piece.length)
})

t.test('a body that is sent byte by byte is read in as many pieces as it takes, not byte by byte', async (t) => {
  const bytes = 5_000
  const port = await serveTcp(t, (socket) => {
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
    socket.once('data', () => socket.write(`${head}${'1\r\nx\r\n'.repeat(bytes)}0\r\n\r\n`))
  })
  const egress = open(t, { allow: `127.0.0.2:${port}` })
  const { body } = await egress.open(`http://127.0.0.2:${port}/`, get)
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  t.equal(Buffer.concat(pieces).toString(), 'x'.repeat(bytes))
  t.ok(pieces.length < bytes / 10, `${pieces.length} pieces`)
})

t.test('whoever leaves an opened answer, or is told to stop, lets go of its connection', async (t) => {
  const closed = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const server = await serve(t, (request, response) => {
    request.socket.once('close', () => closed.shift()?.resolve())
    if (server.seen.length < 3) response.write('begun')
  })
  const egress = open(t, { allow: `127.0.0.2:${server.port}` })
  const [left, stopped, unanswered] = closed.map(({ promise }) => promise)

  for await (const _ of (await egress.open(server.origin, get)).body) break
  await left

  const reason = new Error('no longer')
  const ending = new AbortController()
  const { body } = await egress.open(server.origin, { ...get, signal: ending.signal })
  const read = readAll(body)
  ending.abort(reason)
  await t.rejects(read, reason, 'in the middle')
  await stopped

  const early = new AbortController()
  const asked = egress.open(server.origin, { ...get, signal: early.signal })
  while (server.seen.length < 3) await new Promise((resolve) => setImmediate(resolve))
  early.abort(reason)
  await t.rejects(asked, reason, 'before it began')
  await unanswered
  await t.rejects(egress.open(server.origin, { ...get, signal: early.signal }), reason, 'before it is sent')
  t.equal(server.seen.length, 3)
})
