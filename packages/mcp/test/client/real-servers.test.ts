import t, { type Test } from 'tap'
import { startModern as start, startEverything } from '../../../testkit/src/mcp-servers/index.ts'
import type { McpEvent } from '../../src/client/index.ts'
import { base, createSend, createTestClient, watched } from './send.ts'

const startModern = async (test: Test) => {
  const server = await start()
  test.teardown(server.stop)
  return server
}

t.test('a modern server is asked once which era it speaks, and then called without sessions', async (t) => {
  const { url, requests } = await startModern(t)
  const client = createTestClient(t)
  const listed = await client.listTools({ ...base, url })
  t.same(
    listed.tools.map(({ name }) => name),
    ['echo', 'fail']
  )
  t.equal(listed.protocolVersion, '2026-07-28')
  const { result } = await client.callTool({ ...base, url, name: 'echo', arguments: { a: [1, 'ü'] } })
  t.match(result, { structuredContent: { a: [1, 'ü'] }, resultType: 'complete' })
  t.same(
    requests().map(({ method }) => method),
    ['server/discover', 'tools/list', 'tools/call']
  )
  t.ok(requests().every(({ version, body }) => version === '2026-07-28' && body.includes('"onbehalf-test"')))
})

t.test('progress of a modern server is told as it comes, and isError stays a result', async (t) => {
  const { url } = await startModern(t)
  const told: McpEvent[] = []
  const client = createTestClient(t)
  const answer = await client.callTool({
    ...base,
    url,
    name: 'fail',
    arguments: {},
    onEvent: (event) => told.push(event)
  })
  t.match(answer.result, { isError: true })
  t.match(told, [
    { method: 'notifications/progress', params: { progress: 1, total: 2 } },
    { method: 'notifications/progress', params: { progress: 2 } }
  ])
})

t.test('a modern server is asked for progress and log messages only where somebody hears them', async (t) => {
  const { url } = await startModern(t)
  const sent: string[] = []
  const client = createTestClient(t, { send: watched(createSend(t), { onSend: (body) => sent.push(body) }) })
  const call = { ...base, url, name: 'fail', arguments: {} }
  await client.callTool(call)
  t.notMatch(sent.at(-1), /progressToken|logLevel/)
  await client.callTool({ ...call, onEvent: () => {} })
  t.match(sent.at(-1), /progressToken.*logLevel/)
})

t.test('a name that no header carries as it is reaches a modern server all the same', async (t) => {
  const { url } = await startModern(t)
  const client = createTestClient(t)
  for (const name of ['näme 1', ' spaced ', '=?base64?eA==?=']) {
    // A header that differs from the body would be -32020.
    const call = client.callTool({ ...base, url, name, arguments: {} })
    await t.rejects(call, { code: 'upstream_error', cause: { code: -32602, message: /not found/ } })
  }
})

t.test('a JSON-RPC error of a server is an error with its code and message', async (t) => {
  const { url } = await startModern(t)
  const call = createTestClient(t).callTool({ ...base, url, name: 'unknown', arguments: {} })
  await t.rejects(call, { code: 'upstream_error', cause: { code: -32602, message: /unknown/ } })
})

t.test('the reference server, which knows only sessions, is listed and called', async (t) => {
  const everything = await startEverything()
  t.teardown(everything.stop)
  const { url } = everything
  const methods: string[] = []
  const send = createSend(t)
  const client = createTestClient(t, {
    send: (to, init) => {
      methods.push(init.method)
      return send(to, init)
    }
  })
  const { tools, protocolVersion } = await client.listTools({ ...base, url })
  t.equal(protocolVersion, '2025-11-25')
  t.ok(tools.length > 8)
  t.ok(tools.find(({ name }) => name === 'echo')?.inputSchema)

  const call = (name: string, args: Record<string, unknown>, sessionKey?: string) =>
    client.callTool({ ...base, url, name, arguments: args, ...(sessionKey && { sessionKey }) })
  t.match((await call('echo', { message: 'hi' })).result, { content: [{ type: 'text', text: 'Echo: hi' }] })
  t.match((await call('get-sum', { a: 2, b: 3 }, 'alice')).result.content, [{ text: /5/ }])
  methods.length = 0
  t.match((await call('get-tiny-image', {}, 'alice')).result.content, [{}, { type: 'image', mimeType: 'image/png' }])
  t.same(methods, ['POST'], 'a kept session needs no other request')
  t.match((await call('get-structured-content', { location: 'Chicago' }, 'alice')).result, {
    structuredContent: { temperature: Number }
  })
  t.match((await call('echo', {}, 'alice')).result, { isError: true })

  const told: McpEvent[] = []
  await client.callTool({
    ...{ ...base, url, sessionKey: 'alice', name: 'trigger-long-running-operation' },
    arguments: { duration: 0.3, steps: 3 },
    onEvent: (event) => told.push(event)
  })
  t.equal(told.filter(({ method }) => method === 'notifications/progress').length, 3)

  methods.length = 0
  await client.close()
  t.same(methods, ['DELETE'], "only alice's session was left")
})

t.test('what is not a tool is asked for in the same way: a resource, a prompt', async (t) => {
  const everything = await startEverything()
  t.teardown(everything.stop)
  const client = createTestClient(t)
  const at = { ...base, url: everything.url, sessionKey: 'one' }
  const { result } = await client.request({ ...at, method: 'prompts/list', params: { _meta: { traceparent: '00' } } })
  const [{ name }] = Array.isArray(result.prompts) ? result.prompts : []
  const prompt = await client.request({ ...at, method: 'prompts/get', name, params: { name } })
  t.match(prompt.result.messages, [{ role: 'user', content: { type: 'text' } }])
  await t.rejects(client.request({ ...at, method: 'no/such', params: {} }), { cause: { code: -32601 } })
})

t.test('a modern server is told what the caller can do, and what the caller says beside it', async (t) => {
  const { url, requests } = await startModern(t)
  const capabilities = { elicitation: { url: {} } }
  const _meta = { traceparent: '00-1', 'io.modelcontextprotocol/clientInfo': { name: 'somebody', version: '9' } }
  const client = createTestClient(t)
  await client.request({ ...base, url, method: 'tools/list', params: { _meta }, capabilities })
  t.match(JSON.parse(requests().at(-1)?.body ?? ''), {
    params: {
      _meta: {
        traceparent: '00-1',
        'io.modelcontextprotocol/clientCapabilities': capabilities,
        'io.modelcontextprotocol/clientInfo': { name: 'onbehalf-test' }
      }
    }
  })
})
