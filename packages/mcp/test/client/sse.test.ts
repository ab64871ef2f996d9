import t from 'tap'
import { createSseParser, type SseEvent } from '../../src/client/sse.ts'

const text = [
  '\uFEFFdata: first\n\n',
  ': a comment\r\nevent: other\r\ndata: sécond 🙂\r\ndata:  line\r\n\r\n',
  'id: 7\rretry: 250\rdata\r\r',
  'unknown: x\ndata:third\n\n\n',
  'data: never finished'
].join('')

const expected: SseEvent[] = [
  { type: 'message', data: 'first', id: undefined, retryMs: undefined },
  { type: 'other', data: 'sécond 🙂\n line', id: undefined, retryMs: undefined },
  { type: 'message', data: '', id: '7', retryMs: 250 },
  { type: 'message', data: 'third', id: '7', retryMs: 250 }
]

t.test('a stream means the same however it is cut', async (t) => {
  const bytes = new TextEncoder().encode(text)
  for (let size = 1; size <= bytes.length; size += 1) {
    const parser = createSseParser()
    const events: SseEvent[] = []
    for (let start = 0; start < bytes.length; start += size) {
      events.push(...parser.push(bytes.subarray(start, start + size)))
    }
    if (JSON.stringify(events) !== JSON.stringify(expected)) t.same(events, expected, `in pieces of ${size}`)
  }
  t.ok(bytes.length > 100)
})

t.test('a line of 10 MB in small pieces takes time in proportion to its length', async (t) => {
  const parser = createSseParser()
  const piece = new TextEncoder().encode('x'.repeat(1_000))
  parser.push(new TextEncoder().encode('data: '))
  const before = process.cpuUsage()
  for (let count = 0; count < 10_000; count += 1) parser.push(piece)
  const [event] = parser.push(new TextEncoder().encode('\n\n'))
  t.equal(event?.data.length, 10_000_000)
  // In proportion it is some 20 ms; to copy what came before with every piece would be 50 GB.
  t.ok(process.cpuUsage(before).user < 2_000_000)
})

t.test('what comes in very many lines is held as a few texts, and means the same', async (t) => {
  const parser = createSseParser()
  const lines = Array.from({ length: 25_500 }, (_, at) => `${at % 10}`)
  t.same(parser.push(new TextEncoder().encode(`data:${lines.join('\ndata:')}\n`)), [])
  t.equal(parser.held(), 2 * lines.length)
  t.ok(parser.unfinished().data.length < 600, `${parser.unfinished().data.length} texts`)
  t.equal(parser.unfinished().data.join('\n'), lines.join('\n'))
  const [event, next] = parser.push(new TextEncoder().encode('\ndata: next\n\n'))
  t.equal(event?.data, lines.join('\n'))
  t.equal(next?.data, 'next')
})

t.test('an id that is too long to be named again is none', async (t) => {
  const parser = createSseParser()
  const push = (text: string) => parser.push(new TextEncoder().encode(text)).map(({ id }) => id)
  t.same(push(`id: 7\ndata: a\n\nid: ${'x'.repeat(1_025)}\ndata: b\n\nid: 8\ndata: c\n\n`), ['7', undefined, '8'])
})
