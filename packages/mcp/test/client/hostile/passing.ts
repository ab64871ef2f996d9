import { Ending } from '@onbehalf/egress'
import t from 'tap'
import { AnswerScanner } from '../../../src/client/answer-scanner.ts'
import { createBackground } from '../../../src/client/background.ts'
import { Body } from '../../../src/client/body.ts'
import { createHeldBudget } from '../../../src/client/held-budget.ts'
import type { Send } from '../../../src/client/index.ts'
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

const isJson = (bytes: Buffer): boolean => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}

/** Large answers, which are passed on as they come where it is safe to. */
export const testPassing = (): void => {
  t.test('an answer that comes byte by byte is held in few pieces, and whole', async (t) => {
    const bytes = Buffer.from('é€😀 and so on '.repeat(1_000))
    const source = async function* () {
      for (const byte of bytes) yield Uint8Array.of(byte)
      yield Buffer.alloc(100_000, 'x')
      for (const byte of bytes) yield Uint8Array.of(byte)
    }
    const body = new Body(source(), new Ending(), 1_000_000, {
      background: createBackground(),
      budget: createHeldBudget(1_000_000)
    })
    t.equal(await body.hold(1_000_000), false)
    t.ok(body.held.length < 1_000, `${body.held.length} pieces`)
    t.ok(Buffer.concat([bytes, Buffer.alloc(100_000, 'x'), bytes]).equals(Buffer.concat(body.held)))
  })

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
    const large = 'x'.repeat(300_000)
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

  t.test('whatever is written wrong in an answer, it is read to its end only where all of it is JSON', (t) => {
    const written = Buffer.from(
      `{"id": 7, "result":{"content":[{"é€😀":"a\\n\\u00e9","n":[-1.5e+10,0,true,false,null,{},[]]}],"isError":true}}`
    )
    const signs = Buffer.from('{}[]",:\\u0e1-+.tfn \n\u0000\u00e9')
    let seed = 1
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % below
    }
    const reads = (bytes: Buffer, pieceLength: number): string => {
      const scanner = new AnswerScanner(7)
      try {
        for (let at = 0; at < bytes.length; at += pieceLength) scanner.push(bytes.subarray(at, at + pieceLength))
        scanner.end()
        return 'read'
      } catch (thrown) {
        return String(thrown)
      }
    }
    let valid = 0
    for (let round = 0; round < 10_000; round += 1) {
      const at = random(written.length)
      const sign = signs.subarray(random(signs.length))
      const put = [sign.subarray(0, 1), sign.subarray(0, 2), Buffer.alloc(0)][random(3)] ?? sign
      const bytes = Buffer.concat([written.subarray(0, at), put, written.subarray(at + random(2))])
      const told = reads(bytes, 1 + random(40))
      valid += isJson(bytes) ? 1 : 0
      const isRight = isJson(bytes) ? !/JSON|UTF|early/.test(told) : told !== 'read'
      if (!isRight) t.fail(`${told}: ${bytes}`)
    }
    t.ok(valid > 2_000 && valid < 8_000, `${valid} of them are JSON`)
    t.end()
  })

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
