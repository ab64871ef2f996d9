import t from 'tap'
import type { Send } from '../../../src/client/index.ts'
import { event, startHostile } from '../hostile.ts'
import { base, createTestClient } from '../send.ts'
import { createTaker } from './large.ts'

const heldBytesMax = 1_200_000
const large = 'x'.repeat(700_000)
const message = (id: unknown, result: object) => JSON.stringify({ jsonrpc: '2.0', id, result })
/** One whose content comes too late to pass on. */
const late = { _meta: { large }, content: [] }
const small = { content: [{ type: 'text', text: 'x'.repeat(60_000) }] }
const plain = { content: [{ type: 'text', text: large }] }

const json = 'application/json'
const events = 'text/event-stream'
const answers: Record<string, { type: string; text: (id: unknown) => string }> = {
  'an answer': { type: json, text: (id) => message(id, late) },
  'an answer in a stream': { type: events, text: (id) => event(JSON.parse(message(id, late))) },
  broken: { type: json, text: (id) => `${message(id, late)}?` },
  'broken in a stream': { type: events, text: (id) => `data: ${message(id, late)}?\n\n` },
  small: { type: json, text: (id) => message(id, small) },
  'small in a stream': { type: events, text: (id) => event(JSON.parse(message(id, small))) },
  plain: { type: json, text: (id) => message(id, plain) },
  'plain in a stream': { type: events, text: (id) => `data: ${message(id, plain)}\n\n` }
}

/** A server that stops short of the end of what it says to `stops`, until it is let go on. */
const createServer = () => {
  const here = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const send: Send = async (_url, { body = '' }) => {
    const { id, method, params } = JSON.parse(body)
    const discovered = { supportedVersions: ['2026-07-28'], capabilities: {} }
    const known = { type: json, text: () => message(id, discovered) }
    const { type, text } = (method === 'tools/call' && answers[params.name]) || known
    const bytes = Buffer.from(text(id))
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += 50_000) {
        if (params.arguments?.stops && at + 50_000 >= bytes.length) {
          here.resolve()
          await goOn.promise
        }
        yield bytes.subarray(at, at + 50_000)
      }
    }
    return { status: 200, headers: { 'content-type': type }, body: pieces() }
  }
  return { send, here: here.promise, goOn: goOn.resolve }
}

const heldKinds = ['an answer', 'an answer in a stream']
const url = 'http://127.0.0.1:9/mcp'
const busy = {
  code: 'upstream_error',
  message: /too large for what is held/,
  extras: { retry_after_seconds: undefined }
}

/** What is held of all calls together. */
export const testHeld = (): void => {
  t.test('where too much is held a further large answer is refused, and no other', async (t) => {
    for (const kind of heldKinds) {
      const { send, here, goOn } = createServer()
      const client = createTestClient(t, { send, limits: { heldBytesMax } })
      const call = (name: string, more = {}) => client.callTool({ ...base, url, name, arguments: {}, ...more })
      const first = call(kind, { arguments: { stops: true } })
      await here
      for (const other of heldKinds) await t.rejects(call(other), busy, `${kind}, then ${other}`)
      for (const other of ['small', 'small in a stream']) t.match((await call(other)).result, small, kind)
      for (const other of ['plain', 'plain in a stream']) {
        await t.rejects(call(other), busy, 'nobody takes it as it comes')
        const { pass, taken } = createTaker()
        const { isPassed, resultText } = await call(other, { pass })
        t.ok(isPassed, `${kind}, then ${other}, sooner than else`)
        t.same(JSON.parse(taken() + resultText), plain)
      }
      goOn()
      await first
      for (const other of heldKinds) t.ok(await call(other), 'there is room again')
    }
  })

  t.test(
    'an answer counts as held until whoever has it gives it back, and what fails is given back at once',
    async (t) => {
      const { send } = createServer()
      const client = createTestClient(t, { send, limits: { heldBytesMax } })
      const call = (name: string, more = {}) => client.callTool({ ...base, url, name, arguments: {}, ...more })
      for (const kind of ['an answer', 'an answer in a stream']) {
        const held: (() => void)[] = []
        await call(kind, { onHeld: (giveBack: () => void) => held.push(giveBack) })
        await call('small', { onHeld: (giveBack: () => void) => held.push(giveBack) })
        t.equal(held.length, 1, 'a small one is not held')
        await t.rejects(call(kind), busy)
        for (const giveBack of [...held, ...held]) giveBack()
        for (let round = 0; round < 3; round += 1) await call(kind)
      }
      for (const kind of ['broken', 'broken in a stream'])
        for (let round = 0; round < 3; round += 1) await t.rejects(call(kind), { code: 'upstream_error' })
      const both = await Promise.allSettled([call('an answer'), call('an answer')])
      t.match(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
      t.ok(await call('an answer'))
    }
  )

  t.test('what is kept of an answer that passes on counts as well', async (t) => {
    const { url, count } = await startHostile(t, {
      'tools/call': ({ id, params }, { raw }) => {
        const begun = `{"jsonrpc":"2.0","id":${id},"result":{"content":["${large}"],`
        const end = params.name === 'name' ? `"${large}${large}":1}}` : `"_meta":{"x":"${large}${large}"}}}`
        raw.on('error', () => {})
        raw.writeHead(200, { 'content-type': json }).end(begun + end)
      }
    })
    const client = createTestClient(t, { limits: { heldBytesMax } })
    for (const name of ['name', '_meta']) {
      const { pass, taken } = createTaker()
      await t.rejects(client.callTool({ ...base, url, name, arguments: {}, pass, sessionKey: 'k' }), busy, name)
      t.throws(() => JSON.parse(taken()))
    }
    t.equal(count('tools/call'), 2)
  })

  t.test('over HTTP+SSE, whose one stream has all answers, it is no other', async (t) => {
    const stream = Promise.withResolvers<(text: string) => void>()
    const { url } = await startHostile(t, {
      'server/discover': (_, { raw }) => raw.writeHead(404).end(),
      initialize: async ({ id, http, headers, params }, { raw }) => {
        if (headers['mcp-protocol-version'] === undefined && !isOpen) return raw.writeHead(404).end()
        raw.writeHead(202).end()
        const result = {
          protocolVersion: params.protocolVersion,
          capabilities: {},
          serverInfo: { name: 'h', version: http }
        }
        return (await stream.promise)(event({ jsonrpc: '2.0', id, result }))
      },
      GET: (_, { sse }) => {
        isOpen = true
        sse('event: endpoint\ndata: /mcp\n\n')
        stream.resolve(sse)
      },
      'tools/call': async ({ id }, { raw }) => {
        raw.writeHead(202).end()
        ;(await stream.promise)(event({ jsonrpc: '2.0', id, result: plain }))
      }
    })
    let isOpen = false
    const client = createTestClient(t, { limits: { heldBytesMax: 500_000 } })
    await t.rejects(client.callTool({ ...base, url, name: 'x', arguments: {} }), busy)
  })
}
