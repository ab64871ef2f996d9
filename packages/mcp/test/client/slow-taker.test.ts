import t from 'tap'
import type { Send } from '../../src/client/index.ts'
import { begun, saying } from './hostile/large.ts'
import { base, createTestClient } from './send.ts'

const tool = { name: 'x', arguments: {} }

t.test('while it is not taken, no more of it is read than a piece, and it ends with its call', async (t) => {
  const piece = 16 * 1024
  const bytes = Buffer.from(`${begun(3).slice(0, -1)},${JSON.stringify({ more: 'x'.repeat(5_000_000) })}]}}`)
  let read = 0
  let closed = false
  const send: Send = async (_url, { body = '' }) => {
    const { id, method } = JSON.parse(body)
    const pour = async function* () {
      try {
        for (const answer = Buffer.from(bytes.toString().replace('"id":3', `"id":${id}`)); read < answer.length; ) {
          yield answer.subarray(read, read + piece)
          read += piece
        }
      } finally {
        closed = true
      }
    }
    const discover = { jsonrpc: '2.0', id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } }
    const plain = async function* () {
      yield Buffer.from(JSON.stringify(discover))
    }
    const head = { status: 200, headers: { 'content-type': 'application/json' } }
    return { ...head, body: method === 'tools/call' ? pour() : plain() }
  }
  const client = createTestClient(t, { send })
  let taken = 0
  let furthest = 0
  const slowly = () => (part: Uint8Array) => {
    taken += part.length
    furthest = Math.max(furthest, read - taken)
    return new Promise<void>((resolve) => setImmediate(resolve))
  }
  const url = 'http://127.0.0.1:9/mcp'
  t.ok((await client.callTool({ ...base, url, ...tool, pass: slowly })).isPassed)
  t.ok(taken > 5_000_000)
  t.ok(furthest < 400_000, `what was read and not taken: ${furthest}`)

  const leaving = new AbortController()
  read = 0
  closed = false
  const stopped = Promise.withResolvers<void>()
  const never = () => () => {
    stopped.resolve()
    return new Promise<void>(() => {})
  }
  const call = client.callTool({ ...base, url, ...tool, pass: never, signal: leaving.signal })
  await stopped.promise
  t.ok(read < 400_000)
  leaving.abort(new Error('gone'))
  await t.rejects(call, { message: 'gone' })
  await client.close()
  t.ok(closed)
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
