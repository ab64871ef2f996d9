import { once } from 'node:events'
import { eventually } from '@onbehalf/testkit'
import type { AnswerCall } from '@onbehalf/testkit/mcp-servers'
import t from 'tap'
import { passable } from '../../../src/answers/pass.ts'
import type { Setting } from './setting.ts'

const version = '2026-07-28'
const large = 'é€ "quoted" \\ \n'.repeat(20_000)
const content = [{ type: 'text', text: large }]
const usage = { prompt_tokens: 3, completion_tokens: 4 }
const begun = (id: unknown) => `{"jsonrpc":"2.0","id":${id},"result":{"content":${JSON.stringify(content)}`

/** As what a server may answer; of an event it is the data. */
const framings = {
  json: { type: 'application/json', before: '', behind: '' },
  events: { type: 'text/event-stream', before: ': soon\n\nid: 1\ndata: ', behind: '\n\n' }
} as const
type Framing = keyof typeof framings
const bothFramings: readonly Framing[] = ['json', 'events']

type Saying = { untilTaken?: Promise<unknown>; framing?: Framing }

/** What follows the content, by hand; without it the connection breaks once the answer has begun. */
const sayLarge =
  (rest: string | undefined, { untilTaken = Promise.resolve(), framing = 'json' }: Saying = {}): AnswerCall =>
  ({ id }, raw) => {
    const { type, before, behind } = framings[framing]
    raw.writeHead(200, { 'content-type': type }).write(before + begun(id))
    const end = () => (rest === undefined ? raw.socket?.resetAndDestroy() : raw.end(rest + behind))
    void untilTaken.then(end)
    return undefined
  }

/** Results that pass on to their callers while the server still sends them. */
export const testPassing = ({
  app,
  broker,
  call,
  devices,
  forwarding,
  legacy,
  modern,
  origin,
  recording
}: Setting): void => {
  const outcomesOf = async (headers: Record<string, string>, count: number) => {
    const list = async () => (await app.inject({ url: '/v1/calls', headers })).json().data
    const rows: { id: string; outcome: string }[] = await eventually(list, ({ length }) => length >= count)
    return rows.map(({ id, outcome }) => [id, outcome])
  }
  const post = async (path: string, headers: Record<string, string>, body: object, signal?: AbortSignal) =>
    fetch(`${await origin()}${path}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal && { signal })
    })
  /** A call at the endpoint of one server, by a client of either era. */
  const ask = (server_identifier: string, headers: Record<string, string>, era: 'modern' | 'legacy') => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': version,
      'io.modelcontextprotocol/clientCapabilities': {}
    }
    const params = { name: 'x', arguments: {}, ...(era === 'modern' && { _meta: meta }) }
    const standard = { 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': 'x' }
    // No event stream: one begins by the clock, and holds what it tells.
    const all = { ...headers, accept: 'application/json', ...(era === 'modern' && standard) }
    return post(`/mcp/${server_identifier}`, all, { jsonrpc: '2.0', id: 'é1', method: 'tools/call', params })
  }

  t.test('a large result reaches its caller whole, with what its end tells of the call', async (t) => {
    for (const framing of bothFramings) {
      const user = await broker.signIn()
      const { server_identifier } = forwarding(user.tenant_id)
      const ending = `,"n":12345678901234567890,"_meta":{"usage":${JSON.stringify(usage)}},"isError":true}}`
      recording.answer(sayLarge(ending, { framing }))
      const answer = await post('/v1/tools/call', user.headers, { server_identifier, tool: 'x' })
      t.match(answer.headers.get('content-type'), /^application\/json/)
      t.equal(answer.headers.get('content-length'), null, 'it was not held to be measured')
      const text = await answer.text()
      t.ok(text.includes('"n":12345678901234567890,'), 'in the words of the server')
      const body = JSON.parse(text)
      t.match(body, { usage: { ...usage, total_tokens: 7 }, identity: { mode: 'idp_token' }, duration_ms: Number })
      t.same(Object.keys(body), ['call_id', 'result', 'usage', 'identity', 'duration_ms'])
      t.match(body.result, { content, isError: true })
      t.same(await outcomesOf(user.headers, 1), [[body.call_id, 'tool_error']])

      const device = devices.makeToken({ tenant_id: user.tenant_id, user_id: user.user_id })
      for (const era of ['modern', 'legacy'] as const) {
        const said = JSON.parse(await (await ask(server_identifier, device.headers, era)).text())
        t.same(Object.keys(said), ['jsonrpc', 'id', 'result'])
        t.match(said, { id: 'é1', result: { content, isError: true } })
        t.equal(said.result.resultType, era === 'modern' ? 'complete' : undefined, era)
      }
    }
  })

  t.test('a large result of a server made with the TypeScript SDK is not held either', async (t) => {
    const user = await broker.signIn()
    const device = devices.makeToken({ tenant_id: user.tenant_id, user_id: user.user_id })
    const given = { text: 'é'.repeat(300_000) }
    for (const [server, tool] of [
      [legacy, 'same'],
      [modern, 'echo']
    ] as const) {
      const { server_identifier } = forwarding(user.tenant_id, { server_url: server.url })
      const params = { name: tool, arguments: given }
      const atEndpoint = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
      const accept = 'application/json'
      for (const [path, headers, body] of [
        ['/v1/tools/call', user.headers, { server_identifier, tool, arguments: given }],
        [`/mcp/${server_identifier}`, { ...device.headers, accept }, atEndpoint]
      ] as const) {
        const answer = await post(path, headers, body)
        t.equal(answer.headers.get('content-length'), null, tool)
        t.match(await answer.json(), { result: { content: [{ type: 'text', text: JSON.stringify(given) }] } })
      }
    }
    const outcomes = (await outcomesOf(user.headers, 4)).map(([, outcome]) => outcome)
    t.same(outcomes, ['ok', 'ok', 'ok', 'ok'])
  })

  t.test('what is kept, rewritten or told as an event is held until it is whole', async (t) => {
    const user = await broker.signIn()
    const { server_identifier } = forwarding(user.tenant_id)
    const device = devices.makeToken({ tenant_id: user.tenant_id, user_id: user.user_id })
    recording.answer(sayLarge('}}'))
    const asked = { server_identifier, tool: 'x' }
    const keyed = { ...user.headers, 'idempotency-key': 'large' }
    t.match(await (await post('/v1/tools/call', keyed, asked)).json(), { result: { content } })
    t.equal((await post('/v1/tools/call', keyed, asked)).status, 409, 'it was too large to be kept')
    const streamed = await post('/v1/tools/call', { ...user.headers, accept: 'text/event-stream' }, asked)
    t.match(await streamed.text(), /event: result\ndata: \{"call_id"/)

    const secret = 'the server alone knows this '.repeat(10_000)
    const input = { resultType: 'input_required', inputRequests: {}, requestState: secret }
    recording.answer(({ id }, raw) => {
      const text = JSON.stringify({ jsonrpc: '2.0', id, result: input })
      raw.writeHead(200, { 'content-type': 'application/json' }).end(text)
      return undefined
    })
    const turn = await (await post('/v1/tools/call', user.headers, { ...asked, capabilities: {} })).text()
    t.notOk(turn.includes('the server alone'))
    t.match(JSON.parse(turn).result, { resultType: 'input_required', requestState: String })

    const link = { type: 'resource_link', uri: 'file:///a', name: 'a' }
    recording.answer(({ id }, raw) => {
      const text = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [...content, link] } })
      raw.writeHead(200, { 'content-type': 'application/json' }).end(text)
      return undefined
    })
    const params = { name: `${server_identifier}__x`, arguments: {} }
    const joined = await post(
      '/mcp',
      { ...device.headers, accept: 'application/json' },
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
    )
    t.match(JSON.parse(await joined.text()).result.content[1], { uri: `onbehalf://${server_identifier}/file:///a` })
  })

  t.test('an answer that breaks off is seen to be broken, and is on record as what it was', async (t) => {
    const user = await broker.signIn()
    const { server_identifier } = forwarding(user.tenant_id, {
      tools: [{ name: 'x', annotations: { idempotentHint: true } }]
    })
    const device = devices.makeToken({ tenant_id: user.tenant_id, user_id: user.user_id })
    const breaks: [rest: string | undefined, outcome: string][] = [
      [undefined, 'upstream_unavailable'],
      ['}', 'upstream_error'],
      ['},"result":{}}', 'upstream_error'],
      ['}},"call_id":"mine","identity":{}', 'upstream_error'],
      [',"requestState":"mine"}}', 'upstream_error']
    ]
    const ways = [
      () => post('/v1/tools/call', user.headers, { server_identifier, tool: 'x' }),
      () => ask(server_identifier, device.headers, 'modern'),
      () => ask(server_identifier, device.headers, 'legacy')
    ]
    const before = recording.calls().length
    for (const framing of bothFramings)
      for (const [rest] of breaks)
        for (const way of ways) {
          const taken = Promise.withResolvers<void>()
          recording.answer(sayLarge(rest, { untilTaken: taken.promise, framing }))
          const answer = await way()
          t.equal(answer.status, 200)
          // The head came with the first of the result.
          taken.resolve()
          await t.rejects(answer.text(), { message: 'terminated' }, `${framing} ${rest}`)
        }
    const count = bothFramings.length * breaks.length * ways.length
    t.equal(recording.calls().length - before, count, 'and none of them is made once more')
    const outcomes = (await outcomesOf(user.headers, count)).map(([, outcome]) => outcome)
    t.same(
      outcomes.toReversed(),
      bothFramings.flatMap(() => breaks.flatMap(([, outcome]) => ways.map(() => outcome)))
    )
    recording.answer(() => ({ content: [] }))
    t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
  })

  t.test('who leaves in the middle of it ends the call at the server', async (t) => {
    for (const framing of bothFramings) {
      const user = await broker.signIn()
      const { server_identifier } = forwarding(user.tenant_id)
      recording.answer(sayLarge('}}', { untilTaken: new Promise(() => {}), framing }))
      const arrived = recording.nextCall()
      const leaving = new AbortController()
      await post('/v1/tools/call', user.headers, { server_identifier, tool: 'x' }, leaving.signal)
      leaving.abort()
      await (await arrived).closed
      t.match(await outcomesOf(user.headers, 1), [[String, 'cancelled']])
    }
  })

  t.test(
    'a caller that does not read keeps no more than a little waiting, and one that left takes nothing',
    async (t) => {
      const piece = Buffer.alloc(16 * 1024, 'x')
      const pieces = 400
      let taken = 0
      const stopped = Promise.withResolvers<void>()
      const stream = await passable(
        async ({ begin }) => {
          const take = begin('1')
          for (; taken < pieces; taken += 1) {
            const taking = take?.(piece)
            if (taking !== undefined) stopped.resolve()
            await taking
          }
          return '}'
        },
        () => '{'
      )
      if (typeof stream === 'string') throw new Error('it was not passed on')
      await stopped.promise
      t.ok(taken * piece.length <= 128 * 1024, `${taken} pieces`)
      let length = 0
      for await (const part of stream) length += part.length
      t.equal(length, pieces * piece.length + 2)

      const told = Promise.withResolvers<unknown>()
      const left = await passable(
        async ({ begin }) => {
          const take = begin('1')
          try {
            for (;;) await take?.(piece)
          } catch (thrown) {
            told.resolve(thrown)
            throw thrown
          }
        },
        () => '{'
      )
      if (typeof left === 'string') throw new Error('it was not passed on')
      const closed = once(left, 'close')
      left.destroy()
      t.match(await told.promise, { code: 'cancelled' })
      await closed
    }
  )
}
