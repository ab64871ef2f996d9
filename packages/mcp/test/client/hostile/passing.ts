import t from 'tap'
import { startHostile } from '../hostile.ts'
import { base, createSend, createTestClient } from '../send.ts'
import { begun, content, createTaker, ends } from './large.ts'

const tool = { name: 'x', arguments: {} }
const usage = { usage: { total_tokens: 7 } }

type Behave = Parameters<typeof startHostile>[1][string]

const sendAs =
  (write: (id: unknown) => string | Buffer, pieceLength = 7_001): Behave =>
  ({ id }, { raw }) => {
    raw.on('error', () => {})
    raw.writeHead(200, { 'content-type': 'application/json' })
    const pour = (bytes: Buffer): void => {
      if (bytes.length === 0) raw.end()
      else raw.write(bytes.subarray(0, pieceLength), () => pour(bytes.subarray(pieceLength)))
    }
    pour(Buffer.from(write(id)))
  }

/** Large answers, which are passed on as they come where it is safe to. */
export const testPassing = (): void => {
  t.test('a large result is passed on as it was written, and what stands at its end is read', async (t) => {
    const written = `{ "content" : ${JSON.stringify(content)},\n "n": [12345678901234567890, -0.5e+10, true, {}],
      "_m\\u0065ta":${JSON.stringify(usage)} , "isError":true }`
    const { url } = await startHostile(t, {
      'tools/call': sendAs((id) => ` {"jsonrpc": "2.0", "id": ${id}, "result" : ${written}, "more": 1 }\n`)
    })
    const { pass, taken } = createTaker()
    const called = await createTestClient(t).callTool({ ...base, url, ...tool, pass })
    t.match(called, { isPassed: true, result: { isError: true, _meta: usage } })
    t.equal(taken() + called.resultText, written)
  })

  t.test('a large result is passed on also where the id that says whose it is comes behind it', async (t) => {
    const result = { content, _meta: usage }
    const { url } = await startHostile(t, {
      'tools/call': sendAs((id) => JSON.stringify({ result, jsonrpc: '2.0', id }))
    })
    const { pass, taken } = createTaker()
    const called = await createTestClient(t).callTool({ ...base, url, ...tool, pass })
    t.match(called, { isPassed: true, result: { _meta: usage } })
    t.equal(taken() + called.resultText, JSON.stringify(result))
    const others = [
      '"id":999999',
      '"id":null',
      '"id":"1"',
      '"id":[]',
      '"method":"x"',
      '"error":{"code":1,"message":"x"}'
    ]
    for (const other of [...others, '"jsonrpc":"2.0"', '"result":{}']) {
      const { url } = await startHostile(t, {
        'tools/call': sendAs(() => `{"result":${JSON.stringify(result)},${other}}`)
      })
      const { pass, taken } = createTaker()
      const call = createTestClient(t).callTool({ ...base, url, ...tool, pass })
      await t.rejects(call, { code: 'upstream_error' }, other)
      t.throws(() => JSON.parse(taken()), other)
    }
  })

  t.test('what is not known to be a plain result of ours in time is held, as if nobody wanted it sooner', async (t) => {
    const result = { resultType: 'complete', content }
    // More than is looked at, and than one reading brings besides where the reader was late.
    const large = 'x'.repeat(600_000)
    const held: Record<string, (id: unknown) => string> = {
      'it is small': (id) => JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } }),
      'its content does not come soon': (id) =>
        JSON.stringify({ jsonrpc: '2.0', id, result: { _meta: { large }, content } }),
      'it asks for input': (id) =>
        JSON.stringify({
          ...{ jsonrpc: '2.0', id },
          result: { resultType: 'input_required', inputRequests: { large }, requestState: large, content }
        })
    }
    for (const [name, write] of Object.entries(held)) {
      const { url } = await startHostile(t, { 'tools/call': sendAs(write) })
      const { pass, taken } = createTaker()
      const called = await createTestClient(t).callTool({ ...base, url, ...tool, pass })
      t.equal(called.isPassed, false, name)
      t.equal(called.resultText, JSON.stringify(JSON.parse(write(0)).result), name)
      t.equal(taken(), '', name)
    }
    for (const write of [
      (id: unknown) => JSON.stringify({ jsonrpc: '2.0', id, error: { code: 7, message: large } }),
      () => JSON.stringify({ jsonrpc: '2.0', id: 999_999, result }),
      (id: unknown) => begun(id).replace('quoted', 'quo\u0000ted')
    ]) {
      const { url } = await startHostile(t, { 'tools/call': sendAs(write) })
      const { pass, taken } = createTaker()
      const call = createTestClient(t).callTool({ ...base, url, ...tool, pass })
      await t.rejects(call, { code: 'upstream_error' })
      t.equal(taken(), '')
    }
  })

  t.test('an answer that turns out to be none breaks off, and what was passed on is no JSON', async (t) => {
    const { url } = await startHostile(t, {
      'tools/call': (seen, reply) => {
        const end = Buffer.from(ends[String(seen.params.name)] ?? '')
        sendAs((id) => Buffer.concat([Buffer.from(begun(id)), end]), 1_000_003)(seen, reply)
      }
    })
    const client = createTestClient(t)
    for (const name of Object.keys(ends)) {
      const { pass, taken } = createTaker()
      const call = client.callTool({ ...base, url, name, arguments: {}, pass, sessionKey: 'k' })
      await t.rejects(call, { code: 'upstream_error' }, name)
      t.ok(taken().startsWith('{"content"'), `${name}: it had begun`)
      t.throws(() => JSON.parse(taken()), name)
    }
  })

  t.test('a server that is lost in the middle of it, or says nothing more, is told of as ever', async (t) => {
    const { url } = await startHostile(t, {
      'tools/call': ({ id, params }, { raw }) => {
        raw.writeHead(200, { 'content-type': 'application/json' }).write(begun(id))
        if (params.name === 'lost') taking.promise.then(() => raw.socket?.resetAndDestroy())
      }
    })
    const taking = Promise.withResolvers<void>()
    const pass = () => () => {
      taking.resolve()
      return undefined
    }
    const client = createTestClient(t, { send: createSend(t) })
    const ask = (name: string, timeoutMs: number) =>
      client.callTool({ ...base, url, name, arguments: {}, pass, timeoutMs, sessionKey: 'k' })
    await t.rejects(ask('lost', 30_000), { code: 'upstream_unavailable' })
    await t.rejects(ask('silent', 500), { code: 'upstream_timeout' })
  })
}
