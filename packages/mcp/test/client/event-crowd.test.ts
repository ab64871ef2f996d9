import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { type Behaviour, event, startHostile } from './hostile.ts'
import { base, createTestClient } from './send.ts'

const discovered = { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 'old', version: '1' } }
const notification = (length: number) =>
  event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(length) } })
const result = { content: [] }

type Posted = { id: unknown; token: unknown; raw: ServerResponse }

/** A server of 2024-11-05 whose answers are the test's to give. */
const startOlder = async (t: Test, more: Behaviour = {}) => {
  const streams: ServerResponse[] = []
  const posted: Posted[] = []
  const say = (text: string) => streams.at(-1)?.write(text)
  const server = await startHostile(t, {
    'server/discover': (_, { raw }) => raw.writeHead(405).end(),
    GET: (_, { raw, sse }) => {
      streams.push(raw)
      sse('event: endpoint\ndata: /mcp?session=1\n\n')
    },
    initialize: ({ id }, { raw }) => {
      if (streams.length === 0) return raw.writeHead(404).end()
      raw.writeHead(202).end()
      return say(event({ jsonrpc: '2.0', id, result: discovered }))
    },
    'tools/call': ({ id, params }, { raw }) => {
      posted.push({ id, token: Object(params._meta).progressToken, raw })
      raw.writeHead(202).end()
    },
    ...more
  })
  const untilPosted = async (count: number) => {
    while (posted.length < count) await new Promise((resolve) => setImmediate(resolve))
  }
  const answerAll = () => say(posted.map(({ id }) => event({ jsonrpc: '2.0', id, result })).join(''))
  return { url: server.url, posted, say, untilPosted, answerAll }
}

const call = (url: string) => ({ ...base, url, name: 'one', arguments: {}, sessionKey: 'somebody' })

t.test('what is told besides is read by all who wait only where it is small', async (t) => {
  const { url, say, untilPosted, answerAll } = await startOlder(t)
  const client = createTestClient(t)
  const heard: number[] = []
  const onEvent = ({ params }: { params: Record<string, unknown> }) => heard.push(String(params.data).length)
  const calls = Array.from({ length: 20 }, () => client.callTool({ ...call(url), onEvent }))
  await untilPosted(20)
  say(notification(100) + notification(1_000_000))
  answerAll()
  t.same(
    (await Promise.all(calls)).map((called) => called.result),
    calls.map(() => result)
  )
  t.equal(heard.filter((length) => length === 100).length, 20)
  t.equal(heard.filter((length) => length === 1_000_000).length, 1)
})

t.test('progress is told to whose it is', async (t) => {
  const { url, posted, say, untilPosted, answerAll } = await startOlder(t)
  const client = createTestClient(t)
  const heard: Record<string, unknown[]> = { one: [], two: [] }
  const calls = Object.entries(heard).map(([name, told]) =>
    client.callTool({ ...call(url), name, onEvent: ({ params }) => told.push(params.progressToken) })
  )
  await untilPosted(2)
  const tokens = posted.map(({ token }) => token)
  for (const progressToken of tokens)
    say(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }))
  answerAll()
  await Promise.all(calls)
  t.same(Object.values(heard).flat().toSorted(), tokens.toSorted())
  t.ok(Object.values(heard).every(({ length }) => length === 1))
})

t.test('what is told before a message is taken counts as held', async (t) => {
  const taken = Promise.withResolvers<void>()
  const older = await startOlder(t, {
    'tools/call': async ({ id }, { raw }) => {
      older.say(notification(700_000))
      older.posted.push({ id, token: undefined, raw })
      await taken.promise
      raw.writeHead(202).end()
      older.say(event({ jsonrpc: '2.0', id, result }))
    }
  })
  const large = await startHostile(t, {
    'tools/call': (_, reply) => reply.result({ content: [{ type: 'text', text: 'x'.repeat(700_000) }] })
  })
  const client = createTestClient(t, { limits: { heldBytesMax: 1_000_000 } })
  const waiting = client.callTool(call(older.url))
  await older.untilPosted(1)
  const codeOf = () =>
    client.callTool(call(large.url)).then(
      () => 'ok',
      ({ code }) => code
    )
  let code = await codeOf()
  for (let round = 0; round < 50 && code === 'ok'; round += 1) code = await codeOf()
  t.equal(code, 'upstream_error', 'there is no room for another')
  taken.resolve()
  t.same((await waiting).result, result)
  t.equal(await codeOf(), 'ok')
})
