import { once } from 'node:events'
import { Agent, request as httpRequest, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { eventually } from '@onbehalf/testkit'
import type { RecordedCall } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { patienceOf } from '../../src/calls/caller-patience.ts'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { app, call, broker, providers, issuer, recording } = stage
const origin = await app.listen({ host: '127.0.0.1', port: 0 })
type Raw = Parameters<Parameters<typeof recording.answer>[0]>[1]

t.afterEach(() => {
  issuer.behave({})
  recording.answer(() => ({ content: [] }))
})

const user = await broker.signIn()
const { server_identifier } = providers.register({ ...user, server_url: recording.url, mode: 'idp_token' })
const fine = { server_identifier, tool: 'x' }

/** The answer's own text, where the server's result is the text given. */
const textFor = async (
  result: string,
  message = (id: unknown) => `{"jsonrpc":"2.0","id":${id},"result":${result}}`
) => {
  recording.answer(({ id }, raw) => {
    raw.writeHead(200, { 'content-type': 'application/json' }).end(message(id))
    return undefined
  })
  const answer = await app.inject({ method: 'POST', url: '/v1/tools/call', headers: user.headers, payload: fine })
  t.match(answer.headers, { 'content-type': /^application\/json/ })
  return answer.body
}

t.test('the result is in the server’s own words: its order, its numbers, its spaces', async (t) => {
  const results = [
    '{"content":[],"structuredContent":{"id":12345678901234567890,"1":1.10,"0":1e400,"a":-0}}',
    '{ "b" : "}\\\\\\"{[" ,\n "a" : [ { "result" : 1 } , "\\"" ] }',
    '{"content":[{"type":"text","text":"\\u00e9\\ud83d"}],"result":{"result":{}},"isError":true}'
  ]
  for (const result of results) t.ok((await textFor(result)).includes(`"result":${result},"identity"`), result)
  const [result = ''] = results
  const spellings: ((id: unknown) => string)[] = [
    (id) => `{"result":${result},"jsonrpc":"2.0","id":${id}}`,
    (id) =>
      `\n{"x":{"result":[1]},"y":"\\"result\\":2" , "re\\u0073ult" :\t${result} , "id":${id},"jsonrpc":"2.0"}\r\n`,
    (id) => `{"result":{"content":["first"]},"id":${id},"jsonrpc":"2.0","result":${result}}`
  ]
  for (const spell of spellings) {
    const body = await textFor(result, spell)
    t.ok(body.includes(`"result":${result},"identity"`), spell(1))
    t.notMatch(body, /first/)
    t.same(Object.keys(JSON.parse(body)), ['call_id', 'result', 'identity', 'duration_ms'])
  }
})

t.test('every kind of content passes, and an error result is no HTTP error', async (t) => {
  const content = [
    { type: 'text', text: 'hello', annotations: { audience: ['user'] } },
    { type: 'image', data: 'aGk=', mimeType: 'image/png' },
    { type: 'audio', data: 'aGk=', mimeType: 'audio/wav' },
    { type: 'resource', resource: { uri: 'file:///a', mimeType: 'text/plain', text: 'a' } },
    { type: 'resource', resource: { uri: 'file:///b', blob: 'aGk=' } },
    { type: 'resource_link', uri: 'file:///c', name: 'c' },
    { type: 'of-a-later-revision', anything: [null] }
  ]
  const result = { content, structuredContent: { a: 1 }, isError: true, _meta: { 'x/y': 1 } }
  recording.answer(() => result)
  t.match(await call(user.headers, fine), { status: 200, body: { result } })
})

t.test('usage is found in every shape that the reference knows', async (t) => {
  const told = { prompt_tokens: 3, completion_tokens: 4 }
  const whole = { ...told, total_tokens: 7 }
  const usageFor = async (_meta: unknown) => JSON.parse(await textFor(JSON.stringify({ content: [], _meta }))).usage
  const shapes = [
    { usage: told },
    { metadata: { usage: told } },
    { ...told, other: 1 },
    { a: { b: { usage: told } } },
    { a: [1, [{ metadata: { usage: { ...told, secret: 'x' } } }]] },
    { a: [{ total_tokens: 0, ...told }] }
  ]
  for (const shape of shapes) t.same(await usageFor(shape), whole, JSON.stringify(shape))
  const dear = { total_tokens: 9, total_price: '0.0001', currency: 'USD', latency: 1.5 }
  t.same(await usageFor({ usage: dear }), dear, 'a total that is told stays, also without its parts')
  for (const none of [undefined, null, 1, {}, { usage: 'a lot' }, { usage: {} }, { latency: 1 }, { total_tokens: '9' }])
    t.equal(await usageFor(none), undefined, JSON.stringify(none))
})

t.test('a server that asks back is answered by the same call again, and hears its own state', async (t) => {
  const requests = '{"size":{"method":"elicitation/create","params":{"n":12345678901234567890}}}'
  recording.answer(({ id, state }, raw) => {
    if (state !== undefined) return { resultType: 'complete', content: [] }
    const result = `{"resultType":"input_required","inputRequests":${requests},"requestState":"cart-17"}`
    raw.writeHead(200, { 'content-type': 'application/json' }).end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`)
    return undefined
  })
  const given = { ...fine, tool: 'buy', arguments: { item: 1 }, capabilities: { elicitation: {} } }
  const ask = async (body: object, key: string, headers = user.headers) => {
    const all = { ...headers, 'idempotency-key': key }
    const answer = await app.inject({ method: 'POST', url: '/v1/tools/call', headers: all, payload: body })
    return { status: answer.statusCode, text: answer.body, body: answer.json() }
  }
  const first = await ask(given, 'turn-1')
  t.match(first, { status: 200, body: { result: { resultType: 'input_required' } } })
  t.ok(first.text.includes(`"inputRequests":${requests}`), 'in its own words')
  t.notMatch(first.text, 'cart-17')
  t.equal((await ask(given, 'turn-1')).text, first.text)
  const capabilities = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } }
  t.match(recording.calls().at(-1), { state: undefined, responses: undefined, meta: capabilities })

  const { requestState } = first.body.result
  const inputResponses = { size: { action: 'accept', content: { size: 'M' } } }
  const next = { ...given, inputResponses, requestState }
  t.match(await ask(next, 'turn-1'), { status: 409 }, 'another turn is another call')
  t.match(await ask(next, 'turn-2'), { status: 200, body: { result: { resultType: 'complete' } } })
  t.match(recording.calls().at(-1), { state: 'cart-17', responses: inputResponses, meta: capabilities })

  const before = recording.calls().length
  const stranger = await broker.signIn({ tenant_id: user.tenant_id })
  const details = [{ path: 'requestState' }]
  const refused = { status: 400, body: { code: 'invalid_request', details } }
  t.match(await ask(next, 'turn-3', stranger.headers), refused, 'another user')
  t.match(await ask({ ...next, arguments: { item: 2 } }, 'turn-4'), refused, 'another call')
  t.match(await ask({ ...next, requestState: 'cart-17' }, 'turn-5'), refused, 'the state in clear')
  t.equal(recording.calls().length, before)
  const recorded = async () => (await app.inject({ url: '/v1/calls?tool=buy', headers: user.headers })).json().data
  const records = await eventually(recorded, ({ length }) => length === 6)
  const outcomes = records.map(({ outcome }: { outcome: string }) => outcome)
  t.same(outcomes, ['invalid_request', 'invalid_request', 'ok', 'conflict', 'replayed', 'input_required'])
})

const post = (more: object = {}, init: RequestInit = {}) =>
  fetch(`${origin}/v1/tools/call`, {
    method: 'POST',
    headers: { ...user.headers, 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ ...fine, ...more }),
    ...init
  })

/** Reads the answer's events one by one. */
const eventsOf = async function* ({ body }: Response) {
  let text = ''
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString()
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const of = (name: string) =>
        fields.flatMap((field) => (field.startsWith(`${name}: `) ? field.slice(name.length + 2) : []))
      const data = of('data').join('\n')
      if (data !== '') yield { name: of('event').join(), data, json: JSON.parse(data) }
    }
  }
}

/** A call whose server begins a stream; `say` sends one message on it. */
const begin = async (more: object = {}, init: RequestInit = {}) => {
  const started = Promise.withResolvers<{ call: RecordedCall; raw: Raw }>()
  recording.answer((recorded, raw) => {
    raw.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    started.resolve({ call: recorded, raw })
    return undefined
  })
  const answer = await post(more, init)
  const { call: recorded, raw } = await started.promise
  const say = (message: object) => raw.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
  return { answer, recorded, raw, say }
}

t.test('progress and log messages pass at once, then comes the result', async (t) => {
  const { answer, recorded, raw, say } = await begin()
  t.equal(answer.status, 200)
  t.match(Object.fromEntries(answer.headers), {
    'content-type': /^text\/event-stream/,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-request-id': /^[0-9a-f]{32}$/
  })
  const events = eventsOf(answer)
  // The server goes on only when the event before was read: what is held back would never come.
  const progress = { progress: 1, total: 2, message: 'half' }
  say({ method: 'notifications/progress', params: { progressToken: recorded.id, ...progress } })
  t.match(await events.next(), { value: { name: 'progress', json: progress } })
  const log = { level: 'info', data: { a: 'line\nline' } }
  say({ method: 'notifications/message', params: log })
  t.same((await events.next()).value?.json, log)
  raw.end(
    `data: {"jsonrpc":"2.0","id":${recorded.id},\ndata: "result":{"content":[],\ndata: "n":12345678901234567890}}\n\n`
  )
  const { value: last } = await events.next()
  t.match(last, { name: 'result', json: { call_id: /^[0-9a-f-]{36}$/, identity: { mode: 'idp_token' } } })
  t.match(last?.data, /"result":\{"content":\[\],\n"n":12345678901234567890\}/)
  t.ok((await events.next()).done)
})

t.test('what is refused before the server is asked has its own status, what fails later is an event', async (t) => {
  const refused = await post({ server_identifier: 'nowhere' })
  t.match({ status: refused.status, body: await refused.json() }, { status: 404, body: { code: 'not_found' } })
  const { answer, raw } = await begin()
  raw.end()
  const events = eventsOf(answer)
  const error = { code: 'upstream_error', status: 502, request_id: answer.headers.get('x-request-id') }
  t.match(await events.next(), { value: { name: 'error', json: error } })
  t.ok((await events.next()).done)
})

t.test('who closes the stream ends the call at the server', async (t) => {
  const leaving = new AbortController()
  const { recorded } = await begin({}, { signal: leaving.signal })
  leaving.abort()
  await t.resolves(recorded.closed)
})

t.test('a connection that is kept keeps nothing of the calls that were made on it', async (t) => {
  const heard = new Set<Socket>()
  app.server.on('connection', (socket) => heard.add(socket))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const listeners = () => [...heard].map((socket) => socket.listenerCount('close'))
  const callWith = async (more: Record<string, string> = {}, payload: object = fine) => {
    const headers = { ...user.headers, 'content-type': 'application/json', ...more }
    const request = httpRequest(`${origin}/v1/tools/call`, { method: 'POST', headers, agent })
    request.end(JSON.stringify(payload))
    const [answer] = await once(request, 'response')
    await once(answer.resume(), 'end')
    return answer.statusCode
  }
  t.equal(await callWith(), 200)
  const before = listeners()
  t.equal(before.length, 1)
  const asked: [Record<string, string>, object, number][] = [
    [{}, fine, 200],
    [{ 'idempotency-key': 'kept' }, fine, 200],
    // Answered again, and refused: neither is made.
    [{ 'idempotency-key': 'kept' }, fine, 200],
    [{ 'idempotency-key': 'kept' }, { ...fine, tool: 'y' }, 409]
  ]
  for (const [more, payload, status] of asked) t.equal(await callWith(more, payload), status)
  t.same(listeners(), before)
})

t.test('a service that is told to leave ends its streams with their results', async (t) => {
  const { answer, recorded, say } = await begin()
  const closed = app.close()
  say({ id: recorded.id, result: { content: [] } })
  t.match(await eventsOf(answer).next(), { value: { name: 'result' } })
  await closed
})

t.test('who left before anybody listened for it has left', async (t) => {
  const patience = patienceOf(new IncomingMessage(new Socket().destroy()), undefined)
  t.ok(patience.signal.aborted)
  patience.end()
})
