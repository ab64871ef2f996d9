import type { ServerResponse } from 'node:http'
import t from 'tap'
import { event, startHostile } from '../hostile.ts'
import { base, createSend, createTestClient, watched } from '../send.ts'

const tool = { name: 'x', arguments: {} }
const [many, deep] = ['{},'.repeat(600_000), '['.repeat(5_000)]
/** A result with something in it, as its text is. */
const answerWith = (id: unknown, text: string) =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[],"more":[${text}]}}`
const say = (raw: ServerResponse, text: string) => raw.writeHead(200, { 'content-type': 'application/json' }).end(text)
const done = { content: [{ type: 'text', text: 'done' }] }

/** Answers that are of no use. */
export const testAnswers = (): void => {
  t.test('what cannot be used is an upstream_error, and no call hangs on it', async (t) => {
    const answers: Record<string, Parameters<typeof startHostile>[1][string]> = {
      'broken JSON in an event': (_, { sse }) => sse('data: {"jsonrpc": \n\n'),
      'an event that is no message': (_, { sse }) => sse('data: 42\n\n'),
      'a stream that ends early': (_, { sse, raw }) => {
        sse(': nothing\n\n')
        raw.end()
      },
      'an event cut off by the end': ({ id }, { sse, raw }) => {
        sse(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: done })}\n`)
        raw.end()
      },
      'broken JSON': (_, { raw }) => raw.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":'),
      'the answer of another request': (_, { json }) => json({ jsonrpc: '2.0', id: 999_999, result: done }),
      'the answer of another request on a stream': (_, { sse }) => sse(event({ jsonrpc: '2.0', id: 0, result: done })),
      'neither result nor error': ({ id }, { json }) => json({ jsonrpc: '2.0', id }),
      'another kind of content': (_, { raw }) => raw.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello'),
      'an empty 202': (_, { raw }) => raw.writeHead(202).end(),
      'a redirect': (_, { raw }) => raw.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      'an answer of too many levels': ({ id }, { raw }) =>
        say(raw, answerWith(id, `${deep}${deep.replaceAll('[', ']')}`)),
      'an answer of too many values': ({ id }, { raw }) => say(raw, answerWith(id, `${many}0`)),
      'an event of too many values': ({ id }, { sse }) => sse(`data: ${answerWith(id, `${many}0`)}\n\n`),
      'a refusal without words': (_, { raw }) => raw.writeHead(418).end()
    }
    for (const [name, behave] of Object.entries(answers)) {
      const { url } = await startHostile(t, { 'tools/call': behave })
      // One that hung would end as an upstream_timeout.
      await t.rejects(createTestClient(t).callTool({ ...base, url, ...tool }), { code: 'upstream_error' }, name)
    }
  })

  t.test('a server that is away or broken is upstream_unavailable', async (t) => {
    const client = createTestClient(t)
    const refused = client.callTool({ ...base, url: 'http://127.0.0.1:9/mcp', ...tool })
    await t.rejects(refused, { code: 'upstream_unavailable', cause: { message: /ECONNREFUSED/ } })
    let cut = () => {}
    const later: Record<string, number> = { '503': 7, '503 for ever': 3_600 }
    const faults: Record<string, Parameters<typeof startHostile>[1][string]> = {
      'a reset before the answer': (_, { raw }) => raw.socket?.resetAndDestroy(),
      'a reset in mid-stream': (_, { sse, raw }) => {
        cut = () => raw.socket?.resetAndDestroy()
        sse('data: {"jsonr')
      },
      '500': ({ id }, { json }) => json({ jsonrpc: '2.0', id, error: { code: -32603, message: 'internal' } }, 500),
      '503': (_, { raw }) => raw.writeHead(503, { 'retry-after': '7' }).end('later'),
      '503 for ever': (_, { raw }) => raw.writeHead(503, { 'retry-after': '99999999999' }).end('never')
    }
    for (const [name, behave] of Object.entries(faults)) {
      const { url, count } = await startHostile(t, { 'tools/call': behave })
      const send = watched(createSend(t), { onHead: () => cut() })
      const call = createTestClient(t, { send }).callTool({ ...base, url, ...tool, sessionKey: 'k' })
      await t.rejects(
        call,
        { code: 'upstream_unavailable', ...(later[name] && { extras: { retry_after_seconds: later[name] } }) },
        name
      )
      t.equal(count('tools/call'), 1, 'what may have run is not tried again')
    }
  })

  t.test('a body without end and a line of 10 MB are given up without being kept', async (t) => {
    const piece = 'x'.repeat(64 * 1024)
    let written = 0
    const pour = (raw: NodeJS.WritableStream) => {
      written += piece.length
      if (raw.write(piece)) setImmediate(() => pour(raw))
      else raw.once('drain', () => pour(raw))
    }
    const { url } = await startHostile(t, {
      'tools/call': ({ params }, { raw, sse }) => {
        raw.on('error', () => {})
        if (params.name === 'line') sse(`data: ${'x'.repeat(10_000_000)}\n\n`)
        else
          pour(
            raw.writeHead(200, { 'content-type': params.name === 'json' ? 'application/json' : 'text/event-stream' })
          )
      }
    })
    const client = createTestClient(t)
    for (const name of ['line', 'json', 'stream']) {
      const call = client.callTool({ ...base, url, name, arguments: {} })
      await t.rejects(call, { code: 'upstream_error', message: /larger than 8388608 bytes/ }, name)
    }
    t.ok(written < 200_000_000)
  })

  t.test(
    'however an answer is written, its result is taken in its own words, and what only looks like one is not',
    async (t) => {
      const words = '{"content":[],"n":12345678901234567890}'
      const written: Record<string, (id: number) => string> = {
        'the result last': (id) => `{"jsonrpc":"2.0","id":${id},"result":${words}}`,
        'the result first': (id) => `{"result":${words},"jsonrpc":"2.0","id":${id}}`,
        'with spaces': (id) => ` { "jsonrpc" : "2.0", "id" : ${id}, "result" : ${words} } `,
        'with a member behind it': (id) => `{"jsonrpc":"2.0","id":${id},"result":${words},"more":{}}`,
        'the last of two': (id) => `{"jsonrpc":"2.0","id":${id},"result":{"content":[0]},"result":${words}}`,
        'the last of two, first': (id) => `{"result":{"content":[0]},"result":${words},"jsonrpc":"2.0","id":${id}}`,
        'the id said twice': (id) => `{"result":${words},"jsonrpc":"2.0","id":0,"jsonrpc":"2.0","id":${id}}`
      }
      const faulty: Record<string, (id: number) => string> = {
        'another id behind it': (id) => `{"jsonrpc":"2.0","id":${id},"result":${words},"x":{"id":0},"id":{}}`,
        'the id of a longer number': (id) => `{"jsonrpc":"2.0","id":${id}0,"result":${words}}`,
        'an end too many': (id) => `{"jsonrpc":"2.0","id":${id},"result":${words}}}`,
        'an end too few': (id) => `{"jsonrpc":"2.0","id":${id},"result":{"content":[{}]}`,
        'two answers': (id) => `{"jsonrpc":"2.0","id":${id},"result":${words}}{"a":{}}`,
        'an error behind it': (id) =>
          `{"result":${words},"error":{"code":1,"message":"no"},"jsonrpc":"2.0","id":${id}}`,
        'nothing in it': (id) => `{"result":{},,"jsonrpc":"2.0","id":${id}}`
      }
      const all = { ...written, ...faulty }
      const { url } = await startHostile(t, {
        'tools/call': ({ id, params: { name } }, { raw }) =>
          raw.writeHead(200, { 'content-type': 'application/json' }).end(all[String(name)]?.(Number(id)))
      })
      const client = createTestClient(t)
      for (const name in written)
        t.equal((await client.callTool({ ...base, url, name, arguments: {} })).resultText, words, name)
      for (const name in faulty)
        await t.rejects(client.callTool({ ...base, url, name, arguments: {} }), { code: 'upstream_error' }, name)
    }
  )

  t.test('a long error message is cut, and its code kept', async (t) => {
    const { url } = await startHostile(t, {
      'tools/call': ({ id }, { json }) => json({ jsonrpc: '2.0', id, error: { code: 7, message: 'm'.repeat(5_000) } })
    })
    const error = await createTestClient(t)
      .callTool({ ...base, url, ...tool })
      .catch((thrown: unknown) => thrown)
    t.match(error, { code: 'upstream_error', cause: { code: 7, message: /^m{1000}$/ } })
    t.match(error, { extras: { details: [{ message: '7' }, { message: /^m{1000}$/ }] } })
  })

  t.test('answers that come in pieces at the same time, cut anywhere, are each whole and of nobody else', async (t) => {
    const textOf = (name: unknown, letters: number) => `${name} ${'é€😀'.repeat(letters)} ${name}`
    const pour = (raw: NodeJS.WritableStream, bytes: Buffer, pieceLength: number) => {
      if (bytes.length === 0) return raw.end()
      raw.write(bytes.subarray(0, pieceLength))
      return setImmediate(() => pour(raw, bytes.subarray(pieceLength), pieceLength))
    }
    const { url } = await startHostile(t, {
      'tools/call': ({ id, params: { name } }, { raw }) => {
        const result = { content: [{ type: 'text', text: textOf(name, Number(name)) }] }
        raw.writeHead(200, { 'content-type': 'application/json' })
        pour(raw, Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result })), 7_001)
      }
    })
    const client = createTestClient(t)
    // Of some kilobytes, of more than a socket gives at once, and of more than is joined in one place.
    const names = [500, 501, 12_000, 12_001, 40_000, 40_001].map(String)
    const answers = await Promise.all(
      names.map((name) => client.callTool({ ...base, url, name, arguments: {}, sessionKey: 'k' }))
    )
    for (const [index, name] of names.entries())
      t.equal(
        answers[index]?.resultText,
        JSON.stringify({ content: [{ type: 'text', text: textOf(name, Number(name)) }] })
      )
  })
}
