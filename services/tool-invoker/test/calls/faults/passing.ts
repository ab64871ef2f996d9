import t from 'tap'
import { bothFramings, content, createAsking, sayLarge } from './large.ts'
import type { Setting } from './setting.ts'

const usage = { prompt_tokens: 3, completion_tokens: 4 }

/** Results that pass on to their callers while the server still sends them. */
export const testPassing = (setting: Setting): void => {
  const { broker, devices, forwarding, legacy, modern, recording } = setting
  const { outcomesOf, post, ask } = createAsking(setting)

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
}
