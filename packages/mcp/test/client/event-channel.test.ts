import type { ServerResponse } from 'node:http'
import t from 'tap'
import type { McpEvent } from '../../src/client/index.ts'
import { type Behaviour, event, startHostile } from './hostile.ts'
import { base, createTestClient } from './send.ts'

const told = (data: string) => `event: endpoint\ndata: ${data}\n\n`
const discovered = { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 'old', version: '1' } }
const messages = '/mcp?session=1'

/** A server of 2024-11-05: one stream, and messages posted elsewhere. `before` is what it says before an answer. */
const older = ({ endpoint = messages, before = '' } = {}) => {
  const streams: ServerResponse[] = []
  const answers =
    (result: (params: Record<string, unknown>) => unknown): Behaviour[string] =>
    ({ id, params }, { raw }) => {
      raw.writeHead(202).end()
      streams.at(-1)?.write(before + event({ jsonrpc: '2.0', id, result: result(params) }))
    }
  let posts = 0
  const behaviour: Behaviour = {
    'server/discover': (_, { raw }) => raw.writeHead(405).end(),
    GET: (_, { raw, sse }) => {
      streams.push(raw)
      sse(told(endpoint))
    },
    // The first one is posted to the stream's own place, where a server of that time takes none.
    initialize: (seen, reply) => {
      posts += 1
      if (streams.length === 0) return reply.raw.writeHead(404).end()
      return answers(() => discovered)(seen, reply)
    },
    'tools/call': answers(({ name }) => ({ content: [{ type: 'text', text: String(name) }] }))
  }
  return { behaviour, streams, posts: () => posts }
}

const call = (url: string, name = 'one') => ({ ...base, url, name, arguments: {}, sessionKey: 'somebody' })

t.test('a server of 2024-11-05 is called over its stream, and known for one from then on', async (t) => {
  const old = older()
  const server = await startHostile(t, old.behaviour)
  const client = createTestClient(t)
  const results = []
  for (const name of ['one', 'two']) results.push((await client.callTool(call(server.url, name))).result)
  t.same(results, [{ content: [{ type: 'text', text: 'one' }] }, { content: [{ type: 'text', text: 'two' }] }])
  t.equal(server.count('GET'), 1, 'one stream for both')
  const together = await Promise.all(['a', 'b', 'c'].map((name) => client.callTool(call(server.url, name))))
  t.same(
    together.map(({ result }) => result.content),
    ['a', 'b', 'c'].map((text) => [{ type: 'text', text }]),
    'each gets its own answer'
  )
  await client.callTool({ ...call(server.url), sessionKey: 'somebody else' })
  t.equal(server.count('GET'), 2, 'and nobody shares the stream of another')
  t.equal(server.count('server/discover'), 1)
})

t.test('a stream that broke is opened again', async (t) => {
  const old = older()
  const server = await startHostile(t, old.behaviour)
  const client = createTestClient(t)
  await client.callTool(call(server.url))
  const [first] = old.streams
  const gone = new Promise((resolve) => first?.once('close', resolve))
  first?.destroy()
  await gone
  // Whether the end of the stream was heard before this call or during it is not ours to decide.
  const again = await client.callTool(call(server.url)).catch(() => client.callTool(call(server.url)))
  t.same(again.result, { content: [{ type: 'text', text: 'one' }] })
})

t.test('what the server says in between goes to who waits, and is no answer', async (t) => {
  const progress = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'working' } }
  const server = await startHostile(t, older({ before: event(progress) }).behaviour)
  const events: McpEvent[] = []
  await createTestClient(t).callTool({ ...call(server.url), onEvent: (one) => events.push(one) })
  t.match(events.at(-1), { method: 'notifications/message', params: { data: 'working' } })
})

t.test('a stream that wants messages posted to another origin gets none', async (t) => {
  const elsewhere = await startHostile(t, {})
  const server = await startHostile(t, older({ endpoint: elsewhere.url }).behaviour)
  const secret = { authorization: 'Bearer for-one-server' }
  await t.rejects(createTestClient(t).callTool({ ...call(server.url), headers: secret }), { code: 'upstream_error' })
  t.same(elsewhere.seen, [])
})

t.test('a stream that never says where to post ends at the deadline', async (t) => {
  const { behaviour } = older()
  const server = await startHostile(t, { ...behaviour, GET: (_, { sse }) => sse(': nothing\n\n') })
  await t.rejects(createTestClient(t).callTool({ ...call(server.url), timeoutMs: 300 }), { code: /upstream/ })
})
