import type { Send } from '../../../src/client/index.ts'

const text = 'é€😀 "quoted" \\ \n'.repeat(16_000)
export const content = [{ type: 'text', text }]

/** The answer to a call, up to the end of its content. */
export const begun = (id: unknown) => `{"jsonrpc":"2.0","id":${id},"result":{"content":${JSON.stringify(content)}`

/** What ends it so that it is none. */
export const ends: Record<string, string | Buffer> = {
  'another result': '},"result":{}}',
  'another result, by escapes': '},"resul\\u0074":{}}',
  'another id': '},"id":1}',
  'an error as well': '},"error":{"code":1,"message":"x"}}',
  'content twice': ',"content":[]}}',
  'isError twice': ',"isError":false,"isError":true}}',
  'a state that is not sealed': ',"requestState":"mine"}}',
  'questions after content': ',"resultType":"input_required"}}',
  'no end': ',"more":1}',
  'two ends': '}}}',
  'an end of another kind': ']}',
  'a member of ours behind it': '}},"call_id":"mine"}',
  'something behind it': '}} {}',
  'no comma': '"more":1}}',
  'no name': ',1:1}}',
  'a word that is none': ',"more":nul}}',
  'a number that is none': ',"more":01}}',
  'an escape that is none': ',"more":"\\x"}}',
  'a control character': ',"more":"a\u0000b"}}',
  'a line end in a string': ',"more":"a\nb"}}',
  'no UTF-8': Buffer.from([...Buffer.from(',"more":"'), 0xc3, 0x28, ...Buffer.from('"}}')]),
  'half a character': Buffer.from([...Buffer.from(',"more":"'), 0xe2, 0x82, ...Buffer.from('"}}')]),
  depth: `,"more":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
  'too many values to be read': `,"_meta":{"many":[${'{},'.repeat(600_000)}0]}}}`,
  'more than there may be': `,"more":"${'x'.repeat(9_000_000)}"}}`
}

/** Takes all that is passed on. */
export const createTaker = () => {
  const pieces: Uint8Array[] = []
  const taken = () => Buffer.concat(pieces).toString()
  const pass = () => (piece: Uint8Array) => {
    pieces.push(Buffer.from(piece))
    return undefined
  }
  return { pass, taken }
}

export const progress = { method: 'notifications/progress', params: { progress: 1 } }

/** A server that says this in these pieces, without a network between that would cut it in its own way. */
export const saying =
  (write: (id: unknown) => string, cut: (bytes: Buffer) => Iterable<Uint8Array>): Send =>
  async (_url, { body = '' }) => {
    const { id, method } = JSON.parse(body)
    const discovered = { jsonrpc: '2.0', id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } }
    const isCall = method === 'tools/call'
    const text = isCall ? write(id) : JSON.stringify(discovered)
    const pieces = async function* () {
      yield* isCall ? cut(Buffer.from(text)) : [Buffer.from(text)]
    }
    const type = isCall ? 'text/event-stream' : 'application/json'
    return { status: 200, headers: { 'content-type': type }, body: pieces() }
  }
