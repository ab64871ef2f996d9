import { heldNow } from '@onbehalf/testkit'
import t from 'tap'
import type { Send } from '../../src/client/index.ts'
import { base, createTestClient } from './send.ts'

const small = 'x'.repeat(450_000)
const content = `"content":["${'x'.repeat(300_000)}"]`
const json = 'application/json'

type Said = { type?: string; before: string; end: string; large?: string }
/** What is said before and behind very many small pieces; `large` comes between some of them. */
const answers: Record<string, Said> = {
  'an answer that is held': { before: '{"result":{"content":["', end: '"]}' },
  'an answer that is held, with larger pieces between': {
    ...{ before: '{"result":{"content":["', end: '"]}' },
    large: 'x'.repeat(1_024)
  },
  'what is kept of one that is passed on': { before: `{"result":{${content},"_meta":{"x":"`, end: '"}}' },
  'a name in one that is passed on': { before: `{"result":{${content},"`, end: '":1}' },
  'an event': { type: 'text/event-stream', before: 'data: {"result":{"content":["', end: '"]}' }
}

const known = { before: '{"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}', end: '' }

const createServer = () => {
  let held = 0
  const send: Send = async (_url, { body = '' }) => {
    const { id, method, params } = JSON.parse(body)
    const { type = json, before, end, large }: Said = answers[params.name] ?? known
    const last = Buffer.from(`${end},"jsonrpc":"2.0","id":${id}}\n\n`)
    const pieces = async function* () {
      yield Buffer.from(before)
      if (method === 'tools/call') {
        const start = await heldNow()
        const bytes = Buffer.from(small)
        for (let at = 0; at < bytes.length; at += 2) {
          yield bytes.subarray(at, at + 2)
          if (large && at % 500 === 0) yield Buffer.from(large)
        }
        held = (await heldNow()) - start
      }
      yield last
    }
    return { status: 200, headers: { 'content-type': type }, body: pieces() }
  }
  return { send, held: () => held }
}

// What holds large answers counts their bytes, so that they may not take many times of them.
t.test('what comes in very small pieces is held in about as many bytes', async (t) => {
  for (const name of Object.keys(answers)) {
    const { send, held } = createServer()
    const client = createTestClient(t, { send })
    const pass = name.endsWith('passed on') ? () => () => undefined : undefined
    await client.callTool({ ...base, url: 'http://127.0.0.1:9/mcp', name, arguments: {}, pass })
    t.ok(held() < 6_000_000, `${name} took ${held()} bytes`)
  }
})
