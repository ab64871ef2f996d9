import Fastify from 'fastify'
import t from 'tap'
import { sendAnswer, tellingTo } from '../../../src/endpoint/answer-stream.ts'
import { openEventStream } from '../../../src/events/stream.ts'
import { metaOf, type Setting, url, version } from './setting.ts'

/** Answers that take their time. */
export const testStreams = ({ devices, forwarding, open, recording }: Setting): void => {
  t.test('an answer that does not come soon is a stream, in which something is said until it comes', async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const answer = Promise.withResolvers<string>()
    app.get('/', (request, reply) =>
      sendAnswer(
        request,
        reply,
        { beginning: '', work: () => answer.promise, failed: String },
        { beginMs: 1, beatMs: 1 }
      )
    )
    const streamed = await fetch(await app.listen({ host: '127.0.0.1', port: 0 }), {
      headers: { accept: 'text/event-stream' }
    })
    t.match(streamed.headers.get('content-type'), /^text\/event-stream/)
    let text = ''
    for await (const chunk of streamed.body ?? []) {
      text += Buffer.from(chunk).toString()
      // Only what was heard twice lets it end.
      if ((text.match(/^: still here$/gm)?.length ?? 0) > 1) answer.resolve('{"a":1}')
    }
    t.match(text, /^: begun\n\n(: still here\n\n){2,}event: message\ndata: \{"a":1\}\n\n$/)
  })

  t.test('what a reader who is behind is not told is not written either', async (t) => {
    const events = openEventStream()
    t.teardown(() => events.end())
    const tell = tellingTo(events)
    let written = 0
    const message = {
      toJSON: () => {
        written += 1
        return 'x'.repeat(200 * 1024)
      }
    }
    const told = Array.from({ length: 5 }, () => tell(message))
    t.same(told, [true, true, false, false, false])
    t.equal(written, 2)
  })

  t.test('who closes the stream of a call at the endpoint ends it at the server', async (t) => {
    const { app } = await open()
    t.teardown(() => app.close())
    const origin = await app.listen({ host: '127.0.0.1', port: 0 })
    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id)
    recording.answer(({ id, meta }, raw) => {
      const { progressToken } = Object(meta)
      const told = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }
      raw.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${JSON.stringify(told)}\n\n`)
      return id === undefined ? {} : undefined
    })
    const arrived = recording.nextCall()
    const leaving = new AbortController()
    const headers = {
      ...{ ...user.headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      ...{ 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': 'x' }
    }
    const params = { name: 'x', arguments: {}, _meta: metaOf({}, { progressToken: 'mine' }) }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    const call = await fetch(`${origin}${url(server_identifier)}`, {
      method: 'POST',
      headers,
      body,
      signal: leaving.signal
    })
    t.match(call.headers.get('content-type'), /^text\/event-stream/)
    leaving.abort()
    await t.resolves((await arrived).closed)
  })
}
