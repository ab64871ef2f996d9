import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { setDefaultCACertificates } from 'node:tls'
import t, { type Test } from 'tap'
import { createGuard } from '../../src/guard.ts'
import { wasSent } from '../../src/index.ts'
import { createPools } from '../../src/pools.ts'
import type { Controller } from '../../src/wire/handler.ts'
import { certificate } from '../certificate.ts'
import { failureOf, open, readAll, serve, serveTcp } from '../servers.ts'
import { bodies, startOutspoken } from './outspoken.ts'
import { echoed, play, post, saying } from './play.ts'

t.test('a call says what it was given, and a connection that is free takes the next one', async (t) => {
  const { ask, asked, sockets } = await play(t, (socket, { text }) => socket.write(echoed(text)))
  for (const body of ['{}', 'héllo \u{1f600}', '', 'x'.repeat(300_000)])
    t.equal(await ask(body, { headers: { 'X-One': 'two', authorization: `Bearer ${'é'.repeat(100)}` } }), body)
  t.equal(sockets.length, 1)
  const [first = ''] = asked
  const lines = first.slice(0, first.indexOf('\r\n\r\n')).split('\r\n')
  t.match(lines[0], 'POST / HTTP/1.1')
  t.match(lines.slice(1).sort(), [
    'accept-encoding: identity',
    /^authorization: Bearer /,
    'connection: keep-alive',
    'content-length: 2',
    /^host: 127\.0\.0\.2:\d+$/,
    'x-one: two'
  ])
  t.same(await Promise.all(['a', 'b', 'c'].map((body) => ask(body))), ['a', 'b', 'c'])
  t.equal(sockets.length, 3, 'calls at once have one each')
})

t.test('no header value can end before it does, nor be another one', async (t) => {
  const { ask, asked } = await play(t, (socket, { text }) => socket.write(echoed(text)))
  const long = 'x'.repeat(200)
  for (const filler of ['', long])
    for (const bad of ['\r\nx-other: y', '\n', '\r', '\0', '\u010a', '\u010d\u010a', '\u{1f600}'])
      for (const value of [`${filler}${bad}`, `${bad}${filler}`]) {
        const error = await failureOf(ask('{}', { headers: { 'x-one': value } }))
        t.same([error.code, wasSent(error)], ['invalid_request', 'no'], JSON.stringify(value.slice(-20)))
      }
  for (const name of ['x one', 'x\r\ny', 'x:', '', 'x\u010a'])
    t.equal((await failureOf(ask('{}', { headers: { [name]: 'y' } }))).code, 'invalid_request', JSON.stringify(name))
  t.same(asked, [])
})

t.test('what a server sends unasked is not the answer to the next call', async (t) => {
  const readBytes = 64 * 1024
  const more = saying('of somebody else')
  const { ask, closed } = await play(t, (socket, { text, connection, request }) => {
    const start = saying('x'.repeat(readBytes)).length - readBytes
    if (connection === 1) socket.write(echoed(text) + more)
    // It is read right after the answer, when the next call is made already.
    else if (connection === 2) socket.write(saying('x'.repeat(readBytes - start)) + more)
    else if (request === 3) socket.write(echoed(text), () => setImmediate(() => socket.write(more)))
    else socket.write(echoed(text))
  })
  t.equal(await ask('with the answer'), 'with the answer')
  await closed(1)
  t.match(await ask('behind the answer'), /^x+$/)
  t.equal(await ask('next'), 'next')
  await Promise.all([closed(2), closed(3)])
  t.equal(await ask('after a while'), 'after a while')
})

t.test('a connection that cannot be used again is not', async (t) => {
  const cases: Record<string, (socket: Socket, answer: string) => void> = {
    'one that the server closes': (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nok'),
    'one that it says it closes': (socket) => socket.write(saying('ok', 'connection: close\r\n')),
    'one of an older server': (socket) => socket.write(saying('ok').replace('1.1', '1.0')),
    'one that it keeps for no time': (socket) => socket.write(saying('ok', 'keep-alive: timeout=1\r\n')),
    'one that it half closes': (socket, answer) => socket.end(answer)
  }
  for (const [what, answer] of Object.entries(cases)) {
    const { ask, sockets, closed } = await play(t, (socket) => answer(socket, saying('ok')))
    for (const calls of [1, 2]) {
      t.equal(await ask('{}'), 'ok', what)
      await closed(calls)
    }
    t.equal(sockets.length, 2, what)
  }
})

t.test('a server that answers before it took the request gets no other one after it', async (t) => {
  const closed = Promise.withResolvers<void>()
  const answered: Socket[] = []
  const port = await serveTcp(t, (socket) => {
    socket.once('close', () => closed.resolve())
    socket.once('data', () => {
      socket.pause().write(saying('early'))
      answered.push(socket)
    })
  })
  const egress = open(t, { allow: `127.0.0.2:${port}`, keepAliveMs: 600_000 })
  const { body } = await egress.open(`http://127.0.0.2:${port}/`, { ...post, body: 'x'.repeat(32 * 1024 * 1024) })
  t.equal(await readAll(body), 'early')
  for (const socket of answered) socket.resume()
  await closed.promise
})

t.test('whoever has a hold on a call that is over does nothing to the one after it', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const { url, asked, sockets } = await play(t, (socket, { text, request }) => {
    if (request === 1) socket.write(echoed(text))
    else void goOn.promise.then(() => socket.write(echoed(text)))
  })
  const { origin, host } = new URL(url)
  const pools = createPools(createGuard({ allow: host, deny: '' }), {
    ...{ connectTimeoutMs: 10_000, connectionsPerOrigin: 1, keepAliveMs: 600_000 }
  })
  const holds: Controller[] = []
  const ask = async (body: string): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    let text = ''
    pools.laneTo(origin, 'http:', true).dispatch(
      { path: '/', method: 'POST', headers: {}, body },
      {
        onRequestStart: (controller) => holds.push(controller),
        onResponseStart: () => {},
        onResponseData: (_, piece) => {
          text += Buffer.from(piece)
        },
        onResponseEnd: () => resolve(text),
        isGivenUp: () => false,
        onResponseError: (_, error) => reject(error)
      }
    )
    return promise
  }
  t.equal(await ask('first'), 'first')
  const next = ask('second')
  while (asked.length < 2) await turn()
  const [first] = holds
  first?.pause()
  first?.abort(new Error('too late'))
  goOn.resolve()
  t.equal(await next, 'second')
  first?.abort(new Error('much too late'))
  t.equal(await ask('third'), 'third')
  t.equal(sockets.length, 1)
  await pools.close(600_000)
})

t.test('an answer that nobody reads yet frees its connection for others, who are answered', async (t) => {
  const { egress, url, ask, sockets } = await play(t, (socket, { text }) => socket.write(echoed(text)))
  const large = 'x'.repeat(64 * 1024)
  const { body } = await egress.open(url, { ...post, body: large })
  for (const small of ['a', 'b', 'c']) t.equal(await ask(small), small)
  t.equal(await readAll(body), large, 'and it is there when somebody does')
  t.ok(sockets.length <= 2)
})

t.test('what came unasked while the process was busy is not the answer to calls made right then', async (t) => {
  for (const calls of [1, 100]) {
    const { askAll, block, sayMore } = await startOutspoken(t)
    for (let round = 1; round <= 5; round += 1) {
      // A connection is for others after the next calls have gone.
      for (const before of [calls, 1]) t.same(await askAll(before, 'before'), bodies(before, 'before'))
      sayMore()
      block('said more', round)
      t.same(await askAll(calls, 'after'), bodies(calls, 'after'))
    }
  }
})

t.test('many calls that are made in a busy process are sent while it is busy', async (t) => {
  const { askAll, block } = await startOutspoken(t)
  for (const calls of [64, 1]) t.same(await askAll(calls, 'first'), bodies(calls, 'first'))
  const answers = askAll(64, 'second')
  t.doesNotThrow(() => block('requests', 64 + 1 + 32))
  t.same(await answers, bodies(64, 'second'))
})

const startOverTls = async (t: Test) => {
  setDefaultCACertificates([certificate])
  const server = await serve(t, (_, response) => response.end(server.seen.at(-1)?.body), { isTls: true })
  const egress = open(t, {
    allow: `127.0.0.2:${server.port}`,
    lookup: async () => ['127.0.0.2'],
    connectionsPerOrigin: 32
  })
  const ask = async (host: string, body: string) =>
    readAll((await egress.open(`https://${host}:${server.port}/`, { ...post, body })).body)
  return { ask, server }
}

t.test('over TLS the name is verified, and what comes is as it was said', async (t) => {
  const { ask, server } = await startOverTls(t)
  const large = Array.from({ length: 100_000 }, (_, index) => `${index} `).join('')
  for (const body of [large, 'small', large]) t.equal(await ask('mcp.example', body), body)
  t.match([server.connections, server.seen[0]?.servername], [1, 'mcp.example'])
  t.match(await failureOf(ask('other.example', 'x')), { code: 'upstream_unavailable', message: /TLS certificate/ })
  t.equal(server.seen.length, 3)
})

t.test('over TLS many calls at once use again what is kept', async (t) => {
  const { ask, server } = await startOverTls(t)
  const many = Array.from({ length: 64 }, () => 'x')
  const askMany = () => Promise.all(many.map((body) => ask('mcp.example', body)))
  t.same(await askMany(), many)
  while (server.connections < 32) await turn()
  for (const what of ['each is used', 'each is looked at']) {
    t.same(await askMany(), many, what)
    t.equal(await ask('mcp.example', 'small'), 'small')
  }
  t.equal(server.connections, 32)
})
