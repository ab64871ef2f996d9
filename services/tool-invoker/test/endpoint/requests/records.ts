import t from 'tap'
import { type Setting, url } from './setting.ts'

/** What is counted and put on record. */
export const testRecords = ({
  ask,
  askLegacy,
  broker,
  devices,
  everything,
  forwarding,
  open,
  recorded
}: Setting): void => {
  t.test('a caller with no calls left is 429, whichever way the calls are made', async (t) => {
    const limited = await open({ PRINCIPAL_CALLS_PER_MINUTE: '2' })
    t.teardown(() => limited.app.close())
    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id)
    const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }
    const headers = { ...user.headers, host: '127.0.0.1' }
    const statuses: number[] = []
    for (const path of ['/mcp', url(server_identifier), url(server_identifier)]) {
      const joined = path === '/mcp' ? { ...payload, params: { name: `${server_identifier}__x` } } : payload
      statuses.push((await limited.app.inject({ method: 'POST', url: path, headers, payload: joined })).statusCode)
    }
    t.same(statuses, [200, 200, 429])
  })

  t.test('everything that is asked of a server as a user leaves a record', async (t) => {
    const user = devices.makeToken()
    const at = url(forwarding(user.tenant_id, everything).server_identifier)
    await ask(at, user.headers, { method: 'prompts/list' })
    await ask(at, user.headers, { method: 'tools/call', params: { name: 'echo', arguments: { message: 'x' } } })
    t.match(await recorded(user.headers, 2), [
      { tool: 'echo', outcome: 'ok', user_id: user.user_id },
      { tool: 'prompts/list', outcome: 'ok' }
    ])
  })

  t.test('what is asked of a provider that is not there is counted and on record all the same', async (t) => {
    const user = devices.makeToken()
    const hashed = 'nowhere__x_0123abcd'
    for (const name of ['nowhere__x', hashed])
      t.match((await ask('/mcp', user.headers, { method: 'tools/call', params: { name } })).body, {
        error: { code: -32602, message: `Unknown tool: ${name}` }
      })
    const at = url('nowhere')
    t.equal((await ask(at, user.headers, { method: 'tools/call', params: { name: 'y' } })).status, 404)
    t.equal((await ask(at, user.headers, { method: 'prompts/list' })).status, 404)
    const rows = await recorded(user.headers, 4)
    t.same(
      rows.map(({ tool, server_identifier, outcome }) => [server_identifier, tool, outcome]),
      ['prompts/list', 'y', 'x_0123abcd', 'x'].map((tool) => ['nowhere', tool, 'not_found'])
    )
    const limited = await open({ PRINCIPAL_CALLS_PER_MINUTE: '1' })
    t.teardown(() => limited.app.close())
    const statuses: number[] = []
    for (const method of ['tools/call', 'prompts/list'])
      statuses.push((await ask(at, user.headers, { method, params: { name: 'y' } }, limited.app)).status)
    t.same(statuses, [404, 429])
  })

  t.test('what there cannot be is unknown, and counted and on record under what of its name can be kept', async (t) => {
    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id)
    const long = 'x'.repeat(300)
    const at = url(server_identifier)
    const [call, unknownTool] = ['tools/call', /^Unknown tool/]
    const names = [
      ['/mcp', 'plain', '', 'plain'],
      ['/mcp', 'a\0b__x', '', 'x'],
      ['/mcp', 'a\ud800b__x', '', 'x'],
      ['/mcp', `${'a'.repeat(9_000)}__x`, '', 'x'],
      ['/mcp', `${server_identifier}__${long}`, server_identifier, call],
      [at, long, server_identifier, call],
      [at, 'a\nb', server_identifier, call]
    ] as const
    for (const [path, name] of names)
      t.match(await askLegacy(path, user.headers, call, { name }), {
        status: 200,
        body: { error: { code: -32602, message: unknownTool } }
      })
    const others = [
      ['prompts/get', { name: 'plain' }],
      ['prompts/get', { name: 'a\0b__x' }],
      ['resources/read', { uri: 'test://x' }],
      ['resources/read', { uri: 'onbehalf://a\0b/test://x' }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'plain' } }]
    ] as const
    for (const [method, params] of others)
      t.match(await askLegacy('/mcp', user.headers, method, params), { body: { error: { code: -32602 } } })
    t.match(await askLegacy('/mcp', user.headers, call, { name: `${server_identifier}__fine` }), { status: 200 })
    const rows = await recorded(user.headers, names.length + others.length + 1)
    t.same(rows.map((row) => [row.server_identifier, row.tool, row.outcome]).reverse(), [
      ...names.map(([, , server, tool]) => [server, tool, 'not_found']),
      ...others.map(([method]) => ['', method, 'not_found']),
      [server_identifier, 'fine', 'ok']
    ])

    const limited = await open({ PRINCIPAL_CALLS_PER_MINUTE: '1' })
    t.teardown(() => limited.app.close())
    const another = devices.makeToken()
    const statuses: number[] = []
    for (const params of [{ name: 'plain' }, { name: 'plain' }])
      statuses.push((await ask('/mcp', another.headers, { method: call, params }, limited.app)).status)
    t.same(statuses, [200, 429])

    const key = broker.makeApiKey({ tenant_id: user.tenant_id })
    const headers = { 'onbehalf-user-id': 'x'.repeat(300) }
    const named = await askLegacy(at, key.headers, call, { name: 'fine' }, headers)
    t.match(named, { status: 400, body: { error: { code: -32602, message: /Onbehalf-User-Id/ } } })
  })
}
