import t from 'tap'
import type { McpEvent } from '../../src/client/index.ts'
import { createTaker, progress, saying } from './hostile/large.ts'
import { base, createTestClient } from './send.ts'

const tool = { name: 'x', arguments: {} }

const cutAt = (bytes: Buffer, places: readonly number[]) =>
  [...places, bytes.length].map((place, index) => bytes.subarray(places[index - 1] ?? 0, place))

const bareResult = '{"content":[{"type":"text","text":"é😀 \\n\\u00e9"}],\n"n":[1.50,{}],"isError":true}'
/** The same stream by other line ends; each line of the answer is a field of its own. */
const streamWith = (end: string) => (id: unknown) =>
  [
    `\uFEFF: a comment${end}retry: 10${end}id: 1${end}`,
    `data: ${JSON.stringify({ jsonrpc: '2.0', ...progress })}${end}${end}`,
    `data${end}event: message${end}data: ${end}data: {"result":${end}`,
    `: between${end}data:${bareResult.replace('\n', `${end}id: 2${end}data:`)}${end}`,
    `data:  , "jsonrpc": "2.0",${end}data${end}event${end}data:"id":${id}}${end}${end}`,
    `data: no JSON${end}${end}`
  ].join('')

t.test('an answer in a stream is passed on the same however it is written and cut', async (t) => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  let passed = 0
  const check = async (end: string, cut: (bytes: Buffer) => Iterable<Uint8Array>, name: string) => {
    const client = createTestClient(t, { send: saying(streamWith(end), cut), limits: { passBytesMin: 50 } })
    const { pass, taken } = createTaker()
    const events: McpEvent[] = []
    const onEvent = (event: McpEvent) => events.push(event)
    const called = await client.callTool({ ...base, url: 'http://127.0.0.1:9/mcp', ...tool, pass, onEvent })
    passed += called.isPassed ? 1 : 0
    const isRight = taken() + called.resultText === bareResult && called.result.isError === true
    if (!isRight) t.fail(`${name}: ${taken()}${called.resultText}`)
    if (JSON.stringify(events) !== JSON.stringify([progress])) t.same(events, [progress], name)
  }
  for (const end of ['\n', '\r', '\r\n']) {
    const { length } = Buffer.from(streamWith(end)(2))
    for (let size = 1; size < 40; size += 1)
      await check(
        end,
        (bytes) =>
          cutAt(
            bytes,
            [...Array(Math.floor(length / size)).keys()].map((index) => (index + 1) * size)
          ),
        `in pieces of ${size}`
      )
    for (let at = 1; at < length; at += 1) await check(end, (bytes) => cutAt(bytes, [at]), `cut at ${at}`)
    for (let round = 0; round < 200; round += 1) {
      const places = Array.from({ length: 8 }, () => random(length)).toSorted((one, other) => one - other)
      await check(end, (bytes) => cutAt(bytes, places), `cut at ${places}`)
    }
  }
  t.ok(passed > 500, `${passed} were passed on, the others came whole`)
})
