import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { setDefaultCACertificates } from 'node:tls'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { createGuard } from '../src/guard.ts'
import { type Egress, wasSent } from '../src/index.ts'
import { createPools } from '../src/pools.ts'
import { AnswerReader } from '../src/wire/answer-reader.ts'
import type { Controller } from '../src/wire/handler.ts'
import { certificate } from './certificate.ts'
import { failureOf, open, readAll, serve, serveTcp, unbound } from './servers.ts'

type Read = {
  status: number
  headers: object
  body: string
  isWhole: boolean
  keptMs: number | undefined
  rest: string
}

/** What is read of the pieces, when no more come after them. */
const readPieces = (pieces: readonly Buffer[]): Read => {
  const read: Read = { status: 0, headers: {}, body: '', isWhole: false, keptMs: undefined, rest: '' }
  const body: Uint8Array[] = []
  const reader = new AnswerReader({
    onHead: (status, headers) => Object.assign(read, { status, headers: { ...headers } }),
    onPiece: (piece) => body.push(piece)
  })
  for (const [index, piece] of pieces.entries()) {
    // What was read is overwritten by what comes next.
    const bytes = Buffer.from(piece)
    const taken = reader.read(bytes)
    bytes.fill('?')
    if (reader.keptMs() === undefined) continue
    read.rest = Buffer.concat([piece.subarray(taken), ...pieces.slice(index + 1)]).toString('latin1')
    break
  }
  const keptMs = reader.keptMs()
  return {
    ...read,
    body: Buffer.concat(body).toString('latin1'),
    isWhole: keptMs !== undefined || reader.end(),
    keptMs
  }
}
const bytesOf = (text: string) => Buffer.from(text, 'latin1')
const readWhole = (text: string) => readPieces([bytesOf(text)])

const head = (lines: string, status = '200 OK') => `HTTP/1.1 ${status}\r\n${lines}\r\n`
const ok = head('content-length: 2\r\n')
const forever = Number.POSITIVE_INFINITY

const readable: Record<string, [string, Partial<Read>]> = {
  'a length': [`${ok}ok`, { status: 200, body: 'ok', isWhole: true, keptMs: forever }],
  'no body': [head('content-length: 0\r\n', '202 Accepted'), { status: 202, body: '', isWhole: true }],
  'no reason': ['HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n', { status: 200, isWhole: true }],
  'a status without a body': [`${head('', '204 No Content')}HTTP`, { status: 204, body: '', rest: 'HTTP' }],
  chunks: [
    `${head('transfer-encoding: Chunked\r\n')}3\r\nabc\r\n0A;a=b\r\n0123456789\r\n0\r\n\r\n`,
    { body: 'abc0123456789', isWhole: true, keptMs: forever }
  ],
  trailers: [
    `${head('transfer-encoding: chunked\r\n')}1\r\nx\r\n0\r\na: b\r\nc: d\r\n\r\nmore`,
    { body: 'x', isWhole: true, rest: 'more' }
  ],
  'until it is closed': [`${head('')}all of it`, { body: 'all of it', isWhole: true, keptMs: undefined }],
  'an older server': ['HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', { body: 'ok', isWhole: true, keptMs: 0 }],
  announcements: [
    `${head('', '100 Continue')}${head('link: </a>\r\n', '103 Early Hints')}${ok}ok`,
    { status: 200, headers: { 'content-length': '2' }, body: 'ok' }
  ],
  'more than the answer': [`${ok}ok${ok}no`, { body: 'ok', isWhole: true, rest: `${ok}no` }],
  headers: [
    head(
      'A: \t x y\xa0 \t\r\nset-cookie: a\r\nSet-Cookie: b\r\nset-cookie: c\r\nconstructor: d\r\n__proto__: e\r\ncontent-length: 0\r\n'
    ),
    {
      headers: {
        a: 'x y\xa0',
        'set-cookie': ['a', 'b', 'c'],
        constructor: 'd',
        ['__proto__']: 'e',
        'content-length': '0'
      }
    }
  ],
  'a server that closes': [`${head('Connection: x, Close\r\ncontent-length: 2\r\n')}ok`, { body: 'ok', keptMs: 0 }],
  'a server that keeps it for a while': [
    `${head('connection: keep-alive\r\nKeep-Alive: max=5, timeout=5\r\ncontent-length: 2\r\n')}ok`,
    { body: 'ok', keptMs: 3_000 }
  ],
  'a server that keeps it for no time': [`${head('keep-alive: timeout=2\r\ncontent-length: 2\r\n')}ok`, { keptMs: 0 }]
}

t.test('an answer is read the same in whatever pieces it comes', async (t) => {
  for (const [what, [text, wanted]] of Object.entries(readable)) {
    const whole = readWhole(text)
    t.has(whole, wanted, what)
    const bytes = bytesOf(text)
    for (let at = 1; at < bytes.length; at += 1)
      if (JSON.stringify(readPieces([bytes.subarray(0, at), bytes.subarray(at)])) !== JSON.stringify(whole))
        t.fail(`${what}, in two pieces of which the first has ${at} bytes`)
    t.same(readPieces([...bytes].map((_, at) => bytes.subarray(at, at + 1))), whole, `${what}, byte by byte`)
  }
})

t.test('what is cut short is no answer', async (t) => {
  for (const [what, [text, { rest = '' }]] of Object.entries(readable)) {
    if (what === 'until it is closed') continue
    const end = text.length - rest.length
    for (let at = 0; at < end; at += 1)
      if (readWhole(text.slice(0, at)).isWhole) t.fail(`${what}, of which ${at} bytes came`)
    t.ok(readWhole(text.slice(0, end)).isWhole, what)
  }
})

const chunked = head('transfer-encoding: chunked\r\n')

t.test('what can be read in more than one way, or in none, is refused', async (t) => {
  const unreadable: Record<string, string> = {
    'two lengths': head('content-length: 2\r\ncontent-length: 2\r\n'),
    'two lengths in one': head('content-length: 2, 2\r\n'),
    'a length and chunks': head('content-length: 2\r\ntransfer-encoding: chunked\r\n'),
    'chunks in chunks': head('transfer-encoding: chunked, chunked\r\n'),
    'chunks twice': head('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n'),
    'another coding': head('transfer-encoding: gzip\r\n'),
    'chunks of an older server': 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    'a length with a sign': head('content-length: +2\r\n'),
    'a negative length': head('content-length: -2\r\n'),
    'a length in hexadecimal': head('content-length: 0x2\r\n'),
    'an empty length': head('content-length:\r\n'),
    'a length that is too long': head('content-length: 9999999999999999\r\n'),
    'a folded line': head('a: b\r\n c: d\r\n'),
    'a line feed alone': head('a: b\ncontent-length: 2\r\n'),
    'a carriage return alone': head('a: b\rcontent-length: 2\r\n'),
    'a null': head('a: b\0\r\n'),
    'a space before the colon': head('content-length : 2\r\n'),
    'a line without a colon': head('content-length\r\n'),
    'a header without a name': head(': 2\r\n'),
    'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
    'another version': 'HTTP/2.0 200 OK\r\n\r\n',
    'no status': 'HTTP/1.1 OK\r\n\r\n',
    'a status that is none': 'HTTP/1.1 2000 OK\r\n\r\n',
    'lower case': 'http/1.1 200 OK\r\n\r\n',
    'an empty line before it': `\r\n${ok}`,
    'another protocol from there on': head('', '101 Switching Protocols'),
    'announcements without end': head('', '103 Early Hints').repeat(17),
    'too many headers': head('a:\r\n'.repeat(257)),
    'a head that is too long': head(`a: ${'x'.repeat(16 * 1024)}\r\n`),
    'a head without end': `HTTP/1.1 200 OK\r\na: ${'x'.repeat(17 * 1024)}`,
    'a chunk without a size': `${chunked}\r\n`,
    'a chunk with a sign': `${chunked}-1\r\n`,
    'a chunk that is too large': `${chunked}${'f'.repeat(14)}\r\n`,
    'a chunk that goes on': `${chunked}2\r\nabc\r\n`,
    'a chunk that ends with a line feed': `${chunked}2\r\nab\n0\r\n\r\n`,
    'a size that ends with a line feed': `${chunked}2\nab\r\n0\r\n\r\n`,
    'a carriage return within a size': `${chunked}2\rx`,
    'an extension with a line feed': `${chunked}2;a\nb\r\n`,
    'extensions without end': `${chunked}2;${'a'.repeat(17 * 1024)}`,
    'trailers without end': `${chunked}0\r\n${'a: b\r\n'.repeat(4_000)}`,
    'a space behind a size': `${chunked}2 \r\nab\r\n0\r\n\r\n`,
    'an extension with a space': `${chunked}2; a\r\nab\r\n0\r\n\r\n`,
    'an extension without a name': `${chunked}2;\r\nab\r\n0\r\n\r\n`,
    'a length with a space behind it': head('content-length: 2 \r\n'),
    'an announcement of an older server': 'HTTP/1.0 103 Early Hints\r\n\r\n',
    'a trailer without a name': `${chunked}0\r\n: b\r\n\r\n`,
    'a status with a line feed': 'HTTP/1.1 200 O\nK\r\n\r\n',
    'a trailer with a line feed': `${chunked}0\r\na: b\n\r\n`
  }
  for (const [what, text] of Object.entries(unreadable)) {
    t.throws(() => readWhole(text), { code: 'HPE_UNREADABLE' }, what)
    t.throws(() => readPieces([...bytesOf(text)].map((byte) => Buffer.from([byte]))), { code: 'HPE_UNREADABLE' }, what)
  }
})

const randomFrom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    // Numerical Recipes' linear congruential generator; its upper bits are the better ones.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

t.test('nothing is read in another way than llhttp reads it', async (t) => {
  const random = randomFrom(20_261_122)
  // undici takes no 100 that it did not ask for, as RFC 9110 (15.2) says that it should.
  const texts = Object.values(readable).map(([text]) => text.replace('100 Continue', '102 Processing'))
  const odd = ['\r', '\n', '\r\n', ' ', '\t', ':', ';', ',', '0', '1', '9', 'a', 'F', '-', '+', '\0', '\xff']
  const oneOf = (from: readonly string[]) => from[random(from.length)] ?? ''
  const damaged = (text: string): string => {
    const at = random(text.length)
    const ways = [text.slice(0, at) + oneOf(odd) + text.slice(at), text.slice(0, at) + text.slice(at + 1)]
    return oneOf([...ways, text.slice(0, at) + oneOf(odd) + text.slice(at + 1)])
  }
  const answers = Array.from({ length: 1_500 }, () => damaged(random(2) === 0 ? damaged(oneOf(texts)) : oneOf(texts)))
  const port = await serveTcp(t, (socket) => {
    socket.once('data', (bytes) =>
      socket.end(answers[Number(/^POST \/(\d+) /.exec(bytes.toString())?.[1])] ?? '', 'latin1')
    )
  })
  const egress = open(t, { allow: `127.0.0.2:${port}` })
  const told = async (index: number, more: object) => {
    const asked = { ...post, ...more, body: '{}' }
    const { status, headers, body } = await egress.open(`http://127.0.0.2:${port}/${index}`, asked)
    // llhttp leaves a tab at the end of a value.
    const values = Object.entries(headers).map(([name, value]) => [name, [value].flat().map((one) => one?.trim())])
    return { status, headers: values, body: await readAll(body) }
  }
  let read = 0
  for (const index of answers.keys()) {
    const ours = await told(index, unbound).catch(() => undefined)
    if (!ours) continue
    read += 1
    const theirs = await told(index, { headersTimeoutMs: 10_000 }).catch((error: Error) => error.message)
    if (JSON.stringify(theirs) !== JSON.stringify(ours))
      t.same(ours, theirs, `${JSON.stringify(answers[index])}, by llhttp`)
  }
  t.ok(read > answers.length / 4, `${read} of ${answers.length} were read`)
})

const post = { method: 'POST', carriesCredential: true, ...unbound }

/** Plays a server that is told of each request as it came, and on which connection that was. */
const play = async (
  t: Test,
  answer: (socket: Socket, asked: { text: string; connection: number; request: number }) => void
) => {
  const sockets: Socket[] = []
  const closes: Promise<unknown>[] = []
  const asked: string[] = []
  const port = await serveTcp(t, (socket) => {
    const connection = sockets.push(socket)
    closes.push(new Promise((resolve) => socket.once('close', resolve)))
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString()
      const [, lengthTold] = /content-length: (\d+)/.exec(text) ?? []
      const end = text.indexOf('\r\n\r\n') + 4
      if (end < 4 || Buffer.byteLength(text.slice(end)) < Number(lengthTold ?? 0)) return
      const whole = text
      text = ''
      answer(socket, { text: whole, connection, request: asked.push(whole) })
    })
  })
  const egress = open(t, { allow: `127.0.0.2:${port}`, keepAliveMs: 600_000 })
  const url = `http://127.0.0.2:${port}/`
  const ask = async (body: string, more: Partial<Parameters<Egress['open']>[1]> = {}) =>
    readAll((await egress.open(url, { ...post, body, ...more })).body)
  /** Once the first, the second … connection is closed. */
  const closed = async (number: number): Promise<void> => {
    await closes[number - 1]
  }
  return { egress, url, ask, asked, sockets, closed }
}
const saying = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const echoed = (text: string) => saying(text.slice(text.indexOf('\r\n\r\n') + 4))

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

t.test('no more connections are opened than may be, and calls that wait for one have it in turn', async (t) => {
  let held: { body: string; answer: () => void }[] = []
  const port = await serveTcp(t, (socket) =>
    socket.on('data', (bytes) => {
      const [, body = ''] = bytes.toString().split('\r\n\r\n')
      held.push({ body, answer: () => socket.write(saying(body)) })
    })
  )
  const egress = open(t, { allow: `127.0.0.2:${port}`, connectionsPerOrigin: 2 })
  const ask = async (body: string) => readAll((await egress.open(`http://127.0.0.2:${port}/`, { ...post, body })).body)
  const all = Promise.all(['1', '2', '3', '4', '5', '6'].map(ask))
  for (const pair of ['12', '34', '56']) {
    while (held.length < 2) await turn()
    const now = held.sort((one, other) => one.body.localeCompare(other.body))
    t.equal(now.map(({ body }) => body).join(''), pair)
    held = []
    for (const { answer } of now) answer()
  }
  t.same(await all, ['1', '2', '3', '4', '5', '6'])
  // Two that became free at once, of which the last call took one.
  await egress.close(600_000)
})

t.test('where nobody can be connected to all who wait are told so, and closing waits for none of them', async (t) => {
  const silent: Socket[] = []
  const port = await serveTcp(t, (socket) => silent.push(socket))
  const allow = `127.0.0.2:1,127.0.0.2:${port}`
  const egress = open(t, {
    allow,
    connectionsPerOrigin: 2,
    lookup: async () => ['127.0.0.2'],
    connectTimeoutMs: 600_000
  })
  const ask = (url: string, more = {}) => egress.open(url, { ...post, body: '{}', ...more })
  const refused = await Promise.all(Array.from({ length: 5 }, () => failureOf(ask('http://127.0.0.2:1/'))))
  for (const error of refused) t.same([error.code, wasSent(error)], ['upstream_unavailable', 'no'])

  const ending = new AbortController()
  const reason = new Error('no longer')
  const handshakes = Array.from({ length: 5 }, () => ask(`https://mcp.example:${port}/`, { signal: ending.signal }))
  while (silent.length < 2) await turn()
  ending.abort(reason)
  for (const handshake of handshakes) await t.rejects(handshake, reason)
  const stuck = failureOf(ask(`https://mcp.example:${port}/`))
  await egress.close(0)
  t.equal((await stuck).code, 'upstream_unavailable')
  t.equal(silent.length, 2)
})

t.test('a server that accepts connections and closes them is not asked for one after the other', async (t) => {
  let connections = 0
  const port = await serveTcp(t, (socket) => {
    connections += 1
    socket.destroy()
  })
  const egress = open(t, { allow: `127.0.0.2:${port}` })
  for (const calls of [1, 5, 1]) {
    connections = 0
    const asked = Array.from({ length: calls }, () =>
      failureOf(egress.open(`http://127.0.0.2:${port}/`, { ...post, body: '{}' }))
    )
    for (const error of await Promise.all(asked)) t.equal(error.code, 'upstream_unavailable')
    t.ok(connections <= 2 * calls, `${connections} for ${calls} calls`)
  }
})

t.test('a server that ends a connection which nobody used costs no call', async (t) => {
  const held: { body: string; answer: () => void }[] = []
  const sockets: Socket[] = []
  const port = await serveTcp(t, (socket) => {
    sockets.push(socket)
    socket.on('data', (bytes) => {
      const [, body = ''] = bytes.toString().split('\r\n\r\n')
      held.push({ body, answer: () => socket.write(saying(body)) })
    })
  })
  let lookups = 0
  const isFound = Promise.withResolvers<void>()
  const lookup = async () => {
    lookups += 1
    if (lookups === 2) await isFound.promise
    return ['127.0.0.2']
  }
  const egress = open(t, { allow: `127.0.0.2:${port}`, lookup })
  const ask = async (body: string) =>
    readAll((await egress.open(`http://mcp.example:${port}/`, { ...post, body })).body)
  const answerNext = async () => {
    while (held.length === 0) await turn()
    held.shift()?.answer()
  }
  const first = ask('first')
  while (held.length === 0) await turn()
  // The connection that is opened for the second call comes when the call is over.
  const second = ask('second')
  while (lookups < 2) await turn()
  for (const _ of [1, 2]) await answerNext()
  t.same(await Promise.all([first, second]), ['first', 'second'])
  const third = ask('third')
  while (held.length === 0) await turn()
  isFound.resolve()
  while (sockets.length < 2) await turn()
  for (const _ of [1, 2, 3]) await turn()
  sockets[1]?.destroy()
  const fourth = ask('fourth')
  for (const _ of [1, 2]) await answerNext()
  t.same(await Promise.all([third, fourth]), ['third', 'fourth'])
})

t.test('a server that closes each connection without saying so is asked on a new one', async (t) => {
  const { ask, sockets } = await play(t, (socket, { text }) => socket.end(echoed(text)))
  for (let calls = 0; calls < 100; calls += 1) t.equal(await ask(`${calls}`), `${calls}`)
  t.equal(sockets.length, 100)
})

t.test(
  'what came unasked while the process was busy is not the answer to a call that is made right then',
  async (t) => {
    const staleMs = 10
    const server = new Worker(
      `const { parentPort } = require('node:worker_threads')
    const saying = (body) => 'HTTP/1.1 200 OK\\r\\ncontent-length: ' + body.length + '\\r\\n\\r\\n' + body
    const server = require('node:net').createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        socket.write(saying(bytes.toString().split('\\r\\n\\r\\n')[1]))
        setTimeout(() => socket.write(saying('stale')), ${staleMs})
      })
    })
    server.listen(0, '127.0.0.2', () => parentPort.postMessage(server.address().port))`,
      { eval: true }
    )
    t.teardown(() => server.terminate())
    const [port] = await once(server, 'message')
    const egress = open(t, { allow: `127.0.0.2:${port}` })
    const ask = async (body: string) =>
      readAll((await egress.open(`http://127.0.0.2:${port}/`, { ...post, body })).body)
    for (let calls = 0; calls < 5; calls += 1) {
      t.equal(await ask(`before ${calls}`), `before ${calls}`)
      for (const until = Date.now() + 5 * staleMs; Date.now() < until; );
      t.equal(await ask(`after ${calls}`), `after ${calls}`)
      for (const until = Date.now() + 5 * staleMs; Date.now() < until; );
    }
  }
)

t.test('what was given up while it waited for a connection is not sent, and takes none from others', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const { egress, url, asked } = await play(
    t,
    (socket, { text }) => void goOn.promise.then(() => socket.write(echoed(text)))
  )
  const ending = new AbortController()
  const reason = new Error('no longer')
  const early = egress.open(url, { ...post, body: 'early', signal: ending.signal })
  ending.abort(reason)
  await t.rejects(early, reason)
  goOn.resolve()
  const late = await egress.open(url, { ...post, body: 'late' })
  t.equal(await readAll(late.body), 'late')
  t.equal(asked.length, 1)
})

t.test(
  'connections that nobody used for a while are closed, and a server that is gone is asked on a new one',
  async (t) => {
    const { ask, closed, sockets } = await play(t, (socket) => socket.write(saying('ok', 'keep-alive: timeout=3\r\n')))
    t.equal(await ask('{}'), 'ok')
    await closed(1)
    t.equal(await ask('{}'), 'ok')
    sockets[1]?.resetAndDestroy()
    await closed(2)
    t.equal(await ask('{}'), 'ok')
  }
)

t.test('over TLS the name is verified, and what comes is as it was said', async (t) => {
  setDefaultCACertificates([certificate])
  const server = await serve(t, (_, response) => response.end(server.seen.at(-1)?.body), { isTls: true })
  const egress = open(t, { allow: `127.0.0.2:${server.port}`, lookup: async () => ['127.0.0.2'] })
  const ask = async (host: string, body: string) =>
    readAll((await egress.open(`https://${host}:${server.port}/`, { ...post, body })).body)
  const large = Array.from({ length: 100_000 }, (_, index) => `${index} `).join('')
  for (const body of [large, 'small', large]) t.equal(await ask('mcp.example', body), body)
  t.match([server.connections, server.seen[0]?.servername], [1, 'mcp.example'])
  t.match(await failureOf(ask('other.example', 'x')), { code: 'upstream_unavailable', message: /TLS certificate/ })
  t.equal(server.seen.length, 3)
})

t.test('closing lets the calls end that are under way and wait, and opens nothing more', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const { egress, url, ask, asked } = await play(
    t,
    (socket, { text }) => void goOn.promise.then(() => socket.write(echoed(text)))
  )
  const answers = Promise.all(['a', 'b'].map((body) => ask(body)))
  while (asked.length < 2) await turn()
  const closing = egress.close(600_000)
  goOn.resolve()
  t.same(await answers, ['a', 'b'])
  await closing
  t.match(await failureOf(egress.open(url, { ...post, body: 'c' })), { code: 'upstream_unavailable' })
  t.equal(asked.length, 2)
})
