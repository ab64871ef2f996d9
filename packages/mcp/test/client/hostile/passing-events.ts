import t from 'tap'
import type { McpEvent, Send } from '../../../src/client/index.ts'
import { event, startHostile } from '../hostile.ts'
import { base, createTestClient } from '../send.ts'
import { begun, content, createTaker, ends } from './large.ts'

const tool = { name: 'x', arguments: {} }
const usage = { usage: { total_tokens: 7 } }
const progress = { method: 'notifications/progress', params: { progress: 1 } }

/** A server that says this in these pieces, without a network between that would cut it in its own way. */
const saying =
  (write: (id: unknown) => string, cut: (bytes: Buffer) => Iterable<Uint8Array>): Send =>
  async (_url, { body = '' }) => {
    const { id, method } = JSON.parse(body)
    const discovered = { jsonrpc: '2.0', id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } }
    const isCall = method === 'tools/call'
    const text = isCall ? write(id) : JSON.stringify(discovered)
    const pieces = async function* () {
      yield* isCall ? cut(Buffer.from(text)) : [Buffer.from(text)]
    }
    const type = isCall ? 'text/event-stream' : 'application/json'
    return { status: 200, headers: { 'content-type': type }, body: pieces() }
  }

const cutAt = (bytes: Buffer, places: readonly number[]) =>
  [...places, bytes.length].map((place, index) => bytes.subarray(places[index - 1] ?? 0, place))

const bareResult = '{"content":[{"type":"text","text":"é😀 \\n\\u00e9"}],\n"n":[1.50,{}],"isError":true}'
/** The same stream by other line ends; each line of the answer is a field of its own. */
const streamWith = (end: string) => (id: unknown) =>
  [
    `\uFEFF: a comment${end}retry: 10${end}id: 1${end}`,
    `data: ${JSON.stringify({ jsonrpc: '2.0', ...progress })}${end}${end}`,
    `data${end}event: message${end}data: ${end}data: {"result":${end}`,
    `: between${end}data:${bareResult.replace('\n', `${end}id: 2${end}data:`)}${end}`,
    `data:  , "jsonrpc": "2.0",${end}data${end}event${end}data:"id":${id}}${end}${end}`,
    `data: no JSON${end}${end}`
  ].join('')

/** Large answers in event streams. */
export const testPassingEvents = (): void => {
  t.test('an answer in a stream is passed on the same however it is written and cut', async (t) => {
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % below
    }
    let passed = 0
    const check = async (end: string, cut: (bytes: Buffer) => Iterable<Uint8Array>, name: string) => {
      const client = createTestClient(t, { send: saying(streamWith(end), cut), limits: { passBytesMin: 50 } })
      const { pass, taken } = createTaker()
      const called = await client.callTool({ ...base, url: 'http://127.0.0.1:9/mcp', ...tool, pass })
      passed += called.isPassed ? 1 : 0
      const isRight = taken() + called.resultText === bareResult && called.result.isError === true
      if (!isRight) t.fail(`${name}: ${taken()}${called.resultText}`)
      if (JSON.stringify(called.events) !== JSON.stringify([progress])) t.same(called.events, [progress], name)
    }
    for (const end of ['\n', '\r', '\r\n']) {
      const { length } = Buffer.from(streamWith(end)(2))
      for (let size = 1; size < 40; size += 1)
        await check(
          end,
          (bytes) =>
            cutAt(
              bytes,
              [...Array(Math.floor(length / size)).keys()].map((index) => (index + 1) * size)
            ),
          `in pieces of ${size}`
        )
      for (let at = 1; at < length; at += 1) await check(end, (bytes) => cutAt(bytes, [at]), `cut at ${at}`)
      for (let round = 0; round < 200; round += 1) {
        const places = Array.from({ length: 8 }, () => random(length)).toSorted((one, other) => one - other)
        await check(end, (bytes) => cutAt(bytes, places), `cut at ${places}`)
      }
    }
    t.ok(passed > 500, `${passed} were passed on, the others came whole`)
  })

  t.test('a large answer of a stream passes on, and what the server says before it is heard', async (t) => {
    const answered = Promise.withResolvers<void>()
    const result = { content, _meta: usage }
    const { url, count } = await startHostile(t, {
      'tools/call': async ({ id }, { sse, raw }) => {
        sse(event({ jsonrpc: '2.0', ...progress, params: { progress: 1, message: 'x'.repeat(300_000) } }))
        sse(event({ jsonrpc: '2.0', id: 'p', method: 'ping' }))
        sse('event: other\ndata: {"result":{"content":[')
        sse(`"${'x'.repeat(300_000)}"\n\n`)
        await answered.promise
        sse(`id: 7\n${event({ result, jsonrpc: '2.0', id })}`)
        sse(event({ jsonrpc: '2.0', id, result: { content: [] } }))
        raw.end()
      },
      POST: (_, { raw }) => {
        raw.writeHead(202).end()
        answered.resolve()
      }
    })
    const told: McpEvent[] = []
    const { pass, taken } = createTaker()
    const client = createTestClient(t)
    const called = await client.callTool({ ...base, url, ...tool, pass, onEvent: (one) => told.push(one) })
    t.match(called, { isPassed: true, result: { _meta: usage } })
    t.equal(taken() + called.resultText, JSON.stringify(result))
    t.match(told, [{ method: 'notifications/progress', params: { progress: 1 } }])
    t.equal(count('tools/call'), 1)
  })

  t.test('an answer of a stream that turns out to be none breaks off as any other', async (t) => {
    const behind: Record<string, string> = {
      'another type': '}}\nevent: other\n\n',
      'more data': '}}\ndata: {}\n\n',
      'no end of the event': '}}',
      'no end of its last line': '}}\n',
      'no end of its last line end': '}}\r'
    }
    const ofStreams = { ...behind, 'its end within': ',"more":1' }
    // What is no UTF-8 in a stream is U+FFFD (WHATWG HTML §9.2.5).
    const { 'no UTF-8': _, 'half a character': __, ...others } = ends
    const { url, count } = await startHostile(t, {
      'tools/call': ({ id, params }, { raw }) => {
        const name = String(params.name)
        raw.on('error', () => {})
        raw.writeHead(200, { 'content-type': 'text/event-stream' }).write(`id: 1\nretry: 1\ndata: ${begun(id)}`)
        raw.end(name in ofStreams ? Reflect.get(ofStreams, name) : `${ends[name]}\n\n`)
      }
    })
    const client = createTestClient(t)
    for (const name of [...Object.keys(others), ...Object.keys(ofStreams)]) {
      const { pass, taken } = createTaker()
      const call = client.callTool({ ...base, url, name, arguments: {}, pass, sessionKey: 'k' })
      await t.rejects(call, { code: 'upstream_error' }, name)
      t.ok(taken().startsWith('{"content"'), `${name}: it had begun`)
      t.throws(() => JSON.parse(taken()), name)
    }
    t.equal(count('GET'), 0, 'and is not taken up again')
  })

  t.test('a stream is taken up again before its answer began to pass on, and not after it', async (t) => {
    let callId: unknown
    const { url, count } = await startHostile(t, {
      'tools/call': ({ id, params }, { sse, raw }) => {
        callId = id
        sse('id: 41\nretry: 1\ndata:\n\n')
        if (params.name === 'late') sse(`data: ${begun(id)}`)
        else raw.end('data: {"result":{"content":[')
        taking.promise.then(() => raw.socket?.resetAndDestroy())
      },
      GET: (_, { sse, raw }) => {
        sse(`data: ${begun(callId)}`)
        sse('}}\n\n')
        raw.end()
      }
    })
    const taking = Promise.withResolvers<void>()
    const client = createTestClient(t)
    const { pass, taken } = createTaker()
    const called = await client.callTool({ ...base, url, ...tool, pass, sessionKey: 'k' })
    t.ok(called.isPassed)
    t.equal(taken() + called.resultText, JSON.stringify({ content }))
    t.equal(count('GET'), 1)

    const stop = () => () => {
      taking.resolve()
      return undefined
    }
    const late = client.callTool({ ...base, url, name: 'late', arguments: {}, pass: stop, sessionKey: 'k' })
    await t.rejects(late, { code: 'upstream_unavailable' })
    t.equal(count('GET'), 1)
  })

  t.test('of an answer in a stream nothing more is read while what was read is not taken', async (t) => {
    const stopped = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const piece = Buffer.alloc(16 * 1024, 'x')
    let read = 0
    const cut = function* (bytes: Buffer) {
      yield bytes
      for (; read < 300; read += 1) yield piece
      yield Buffer.from('"}}\n\n')
    }
    const write = (id: unknown) => `data: ${begun(id)},"more":"`
    const client = createTestClient(t, { send: saying(write, cut) })
    let taken = 0
    const slowly = () => (part: Uint8Array) => {
      taken += part.length
      stopped.resolve()
      return goOn.promise
    }
    const call = client.callTool({ ...base, url: 'http://127.0.0.1:9/mcp', ...tool, pass: slowly })
    await stopped.promise
    t.equal(read, 0)
    goOn.resolve()
    t.ok((await call).isPassed)
    t.ok(taken > 300 * piece.length)
  })
}
