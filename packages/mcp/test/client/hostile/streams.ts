import t from 'tap'
import type { McpEvent } from '../../../src/client/index.ts'
import { event, type Seen, startHostile } from '../hostile.ts'
import { base, createSend, createTestClient, watched } from '../send.ts'

const tool = { name: 'x', arguments: {} }
const done = { content: [{ type: 'text', text: 'done' }] }

/** Streams that break off, ask too much, or never end. */
export const testStreams = (): void => {
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
        for (const id of ['x'.repeat(300), { a: 'tree' }, null])
          sse(event({ jsonrpc: '2.0', id, method: 'roots/list' }))
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
    const events: McpEvent[] = []
    const { result } = await client.callTool({ ...base, url, ...tool, onEvent: (one) => events.push(one) })
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
}
