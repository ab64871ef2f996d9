import t from 'tap'
import { AnswerReader } from '../../src/wire/answer-reader.ts'
import { open, readAll, serveTcp, unbound } from '../servers.ts'
import { post } from './play.ts'

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
