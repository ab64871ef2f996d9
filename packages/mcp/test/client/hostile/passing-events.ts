import t from 'tap'
import type { McpEvent } from '../../../src/client/index.ts'
import { event, startHostile } from '../hostile.ts'
import { base, createTestClient } from '../send.ts'
import { begun, content, createTaker, ends, progress } from './large.ts'

const tool = { name: 'x', arguments: {} }
const usage = { usage: { total_tokens: 7 } }

/** Large answers in event streams. */
export const testPassingEvents = (): void => {
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
}
