import { createHash } from 'node:crypto'
import { subjectOf } from '@onbehalf/testkit/players'
import t from 'tap'
import { joinName } from '../../../src/endpoint/names.ts'
import { cpuMsOf } from '../../cpu.ts'
import { callable, type Json, metaOf, type Setting, url, version } from './setting.ts'

/** Tools by their own and by joined names. */
export const testNames = ({
  app,
  ask,
  askLegacy,
  devices,
  forwarding,
  modern,
  open,
  post,
  recording,
  whoami
}: Setting): void => {
  t.test("a tool of one provider is called under its own name, as the token's user, in both eras", async (t) => {
    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id, whoami)
    const params = { name: 'whoami', arguments: {} }
    const now = await ask(url(server_identifier), user.headers, { method: 'tools/call', params })
    t.match(now, {
      status: 200,
      body: {
        jsonrpc: '2.0',
        id: 'é1',
        result: {
          resultType: 'complete',
          structuredContent: { subject: subjectOf(user.user_id), audience: whoami.url }
        }
      }
    })
    const before = await askLegacy(url(server_identifier), user.headers, 'tools/call', params)
    t.match(before.body, { id: 7, result: { structuredContent: { subject: subjectOf(user.user_id) } } })
  })

  t.test('the endpoint of all lists the tools of every provider under joined names, and calls them so', async (t) => {
    const user = devices.makeToken()
    const { tenant_id } = user
    const long = `l${'o'.repeat(130)}ng`
    forwarding(tenant_id, recording, { server_identifier: 'a-one', tools: callable(['echo', 'with space', long]) })
    const decoration = {
      icons: [{ src: 'https://icons.example/a' }],
      _meta: { ui: 1 },
      execution: { taskSupport: 'optional' }
    }
    const whoamiTool = { name: 'whoami', title: 'Who', annotations: { readOnlyHint: true }, ...decoration }
    forwarding(tenant_id, whoami, { server_identifier: 'b_two', tools: [whoamiTool] })
    const { body } = await ask('/mcp', user.headers, { method: 'tools/list' })
    t.match(body, { result: { resultType: 'complete', cacheScope: 'private', ttlMs: Number } })
    const { tools } = Object(body.result)
    const names: string[] = tools.map(({ name }: { name: string }) => name)
    t.ok(names.includes('a-one__echo') && names.includes('b_two__whoami'))
    t.equal(names.length, 4)
    const own = await ask(url('b_two'), user.headers, { method: 'tools/list' })
    t.match(own.body, { result: { tools: [whoamiTool] } }, 'all of it as its server says it')
    t.match(tools, [{}, {}, {}, { ...whoamiTool, name: 'b_two__whoami' }])
    t.same(
      names.filter((name) => !/^[A-Za-z0-9_.-]{1,128}$/.test(name)),
      []
    )
    for (const name of names) {
      const { status } = await ask('/mcp', user.headers, { method: 'tools/call', params: { name } })
      t.equal(status, 200, name)
    }
    const called = recording.calls().slice(-3)
    t.same(called.map(({ tool }) => tool).sort(), ['echo', long, 'with space'].sort())
    const unknown = await ask('/mcp', user.headers, { method: 'tools/call', params: { name: 'nowhere' } })
    t.match(unknown.body, { error: { code: -32602, message: 'Unknown tool: nowhere' } })
    for (const [path, name] of [
      ['/mcp', 'a-one__x'],
      ['/mcp', 'c__x'],
      [url('a-one'), 'x']
    ] as const) {
      const { status, body } = await ask(path, user.headers, { method: 'tools/call', params: { name } })
      t.match({ status, body }, { status: 200, body: { error: { code: -32602, message: `Unknown tool: ${name}` } } })
    }
  })

  t.test('a name is joined in little more than it takes to hash it, however long it is', async (t) => {
    const own = 'é'.repeat(4_000_000)
    const hash = () => createHash('sha256').update(own).digest('hex')
    t.equal(joinName('one', own), `one${'_'.repeat(117)}${hash().slice(0, 8)}`)
    t.ok(cpuMsOf(() => joinName('one', own)) < 4 * cpuMsOf(hash))
  })

  t.test('to look for a cut name costs as much as to list the tools', async (t) => {
    const limited = await open({ PRINCIPAL_CALLS_PER_MINUTE: '2' })
    t.teardown(() => limited.app.close())
    const user = devices.makeToken()
    const tools = callable(Array.from({ length: 250 }, (_, index) => `tool-${index}`))
    const { server_identifier } = forwarding(user.tenant_id, recording, { tools })
    const params = { name: `${server_identifier}__none_0123abcd` }
    const { status } = await ask('/mcp', user.headers, { method: 'tools/call', params }, limited.app)
    t.equal(status, 429)
  })

  t.test("progress comes under the client's own token, in a stream that ends with the answer", async (t) => {
    const user = devices.makeToken()
    const at = url(forwarding(user.tenant_id, modern).server_identifier)
    const head = { ...user.headers, host: '127.0.0.1', 'content-type': 'application/json' }
    const standard = { 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': 'fail' }
    const body = (meta: Json) => ({
      ...{ jsonrpc: '2.0', id: 9, method: 'tools/call' },
      params: { name: 'fail', arguments: {}, _meta: metaOf({}, meta) }
    })
    const accept = 'application/json, text/event-stream'
    const send = (meta: Json) =>
      app.inject({ method: 'POST', url: at, headers: { ...head, ...standard, accept }, payload: body(meta) })
    const streamed = await send({ progressToken: 'mine' })
    t.match(streamed.headers, { 'content-type': /^text\/event-stream/, 'x-accel-buffering': 'no' })
    const told = [...streamed.body.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''))
    t.match(told, [
      { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1, total: 2 } },
      { method: 'notifications/progress', params: { progressToken: 'mine', progress: 2 } },
      { id: 9, result: { isError: true } }
    ])
    t.match((await send({})).headers, { 'content-type': /^application\/json/ }, 'who asks for no progress gets none')
  })

  t.test('arguments of more than 100,000 values reach no server, whoever they are for', async (t) => {
    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id, recording, { tools: callable(['x']) })
    const given = (count: number) => ({ a: Array.from({ length: count - 1 }, () => 0) })
    const rest = (count: number) =>
      post('/v1/tools/call', user.headers, { server_identifier, tool: 'x', arguments: given(count) })
    const call = async (path: string, name: string, count: number) =>
      (await ask(path, user.headers, { method: 'tools/call', params: { name, arguments: given(count) } })).body
    t.match(await rest(100_000), { status: 200 })
    const before = recording.calls().length
    const details = [{ path: 'arguments', message: 'is made of more than 100000 values' }]
    t.match(await rest(100_001), { status: 422, body: { code: 'invalid_arguments', details } })
    const result = { isError: true, _meta: { 'onbehalf/error': { code: 'invalid_arguments' } } }
    t.match(await call(url(server_identifier), 'x', 100_001), { result })
    t.match(await call('/mcp', `${server_identifier}__x`, 100_001), { result })
    t.match(await call('/mcp', 'nowhere', 100_001), { error: { code: -32602 } })
    t.equal(recording.calls().length, before)
  })

  t.test('what a tool wants repeated in headers is there as the arguments say it', async (t) => {
    const user = devices.makeToken()
    const region = { type: 'string', 'x-mcp-header': 'Region' }
    const amount = { type: 'object', properties: { much: { type: 'integer', 'x-mcp-header': 'Much' } } }
    const input_schema = { type: 'object', properties: { region, amount } }
    const { server_identifier } = forwarding(user.tenant_id, recording, { tools: [{ name: 'deploy', input_schema }] })
    const before = recording.calls().length
    const call = (given: Json, headers: Json, at = url(server_identifier), name = 'deploy') =>
      ask(at, user.headers, { method: 'tools/call', params: { name, arguments: given }, headers })
    const inBase64 = `=?base64?${Buffer.from('süd').toString('base64')}?=`
    for (const [given, headers] of [
      [{}, {}],
      [{}, { 'mcp-param-region': 'ignored' }],
      [{ region: 'north' }, { 'Mcp-Param-Region': 'north' }],
      [
        { region: 'süd', amount: { much: 42 } },
        { 'mcp-param-region': inBase64, 'mcp-param-much': '42.0' }
      ]
    ] as const)
      t.match(await call(given, headers), { status: 200, body: { result: { isError: undefined } } })
    const reached = recording.calls().length
    t.equal(reached, before + 4)
    for (const headers of [{}, { 'mcp-param-region': 'North' }, { 'mcp-param-region': '=?base64?bm9ydGg?=' }])
      for (const [at, name] of [
        [url(server_identifier), 'deploy'],
        ['/mcp', `${server_identifier}__deploy`]
      ] as const)
        t.match(await call({ region: 'north' }, headers, at, name), {
          status: 400,
          body: { error: { code: -32020, data: { mismatch: { header: 'Mcp-Param-region', body: /region$/ } } } }
        })
    t.equal(recording.calls().length, reached, 'nothing of it reached the server')
  })
}
