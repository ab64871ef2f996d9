import t from 'tap'
import { type Json, metaOf, type Setting, url, version } from './setting.ts'

/** How requests are understood. */
export const testProtocol = ({ app, ask, askLegacy, devices, forwarding, post, recording }: Setting): void => {
  t.test('a request that contradicts itself, or speaks what we do not, is refused with the word for it', async (t) => {
    const user = devices.makeToken()
    const at = url(forwarding(user.tenant_id).server_identifier)
    const before = recording.requests().length
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    const head = { ...user.headers, 'mcp-protocol-version': version, 'mcp-method': 'tools/list' }
    const refused = async (headers: Json, body: unknown, status: number, error: Json) =>
      t.match(await post(at, headers, body), { status, body: { jsonrpc: '2.0', error } })
    const { 'io.modelcontextprotocol/clientCapabilities': _, ...noCapabilities } = metaOf()

    await refused(head, list, 400, { code: -32602 })
    await refused(head, { ...list, params: { _meta: noCapabilities } }, 400, { code: -32602 })
    await refused(user.headers, { ...list, params: { _meta: metaOf() } }, 400, { code: -32020 })
    await refused({ ...head, 'mcp-method': 'tools/call' }, { ...list, params: { _meta: metaOf() } }, 400, {
      code: -32020
    })
    const call = { ...list, method: 'tools/call', params: { name: 'x', _meta: metaOf() } }
    const callHead = { ...head, 'mcp-method': 'tools/call' }
    await refused(callHead, call, 400, { code: -32020, data: { mismatch: { header: 'Mcp-Name' } } })
    await refused({ ...callHead, 'mcp-name': 'X' }, call, 400, { code: -32020 })
    const later = { ...metaOf(), 'io.modelcontextprotocol/protocolVersion': '2999-01-01' }
    await refused(head, { ...list, params: { _meta: later } }, 400, { code: -32020 })
    const unknown = { ...head, 'mcp-protocol-version': '2999-01-01' }
    const data = { requested: '2999-01-01', supported: [version, '2025-11-25', '2025-06-18', '2025-03-26'] }
    await refused(unknown, { ...list, params: { _meta: later } }, 400, { code: -32022, data })
    for (const spoken of ['1999-01-01', '2024-11-05'])
      await refused({ ...user.headers, 'mcp-protocol-version': spoken }, list, 400, { code: -32022 })
    for (const body of [
      [list],
      'x',
      5,
      null,
      {},
      { ...list, jsonrpc: '1.0' },
      { ...list, id: {} },
      { ...list, params: [] }
    ])
      await refused(user.headers, body, 400, { code: -32600 })
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'no/such'])
      t.match(await ask(at, user.headers, { method }), { status: 404, body: { id: 'é1', error: { code: -32601 } } })
    t.match(await askLegacy(at, user.headers, 'server/discover'), { status: 200, body: { error: { code: -32601 } } })
    t.equal(recording.requests().length, before, 'nothing of it reached the server')
  })

  t.test('what is said again with each answer or progress is a number or a short text, or is refused', async (t) => {
    const user = devices.makeToken()
    const at = url(forwarding(user.tenant_id).server_identifier)
    const before = recording.requests().length
    const longest = 'x'.repeat(256)
    const list = (id: unknown, progressToken: unknown = 1) =>
      post(at, user.headers, { jsonrpc: '2.0', id, method: 'tools/list', params: { _meta: { progressToken } } })
    for (const token of [0, 1.5, '', 'é', longest, null])
      t.match((await list('a', token)).body, { id: 'a', result: { tools: [] } }, String(token))
    t.match((await list(longest)).body, { id: longest, result: { tools: [] } })
    const wrong = [`${longest}x`, true, [], {}, 'x'.repeat(1_000_000), Array.from({ length: 300_000 }, () => [])]
    for (const [index, token] of wrong.entries()) {
      const error = { code: -32602, message: /params\._meta\.progressToken/ }
      t.match(await list(7, token), { status: 400, body: { id: 7, error } }, `progress token ${index}`)
      const refused = { id: null, error: { code: -32600, message: /The id of a request/ } }
      t.match(await list(token), { status: 400, body: refused }, `id ${index}`)
    }
    t.match((await list(null)).body, { id: null, error: { code: -32600 } })
    t.equal(recording.requests().length, before, 'nothing of it reached the server')
  })

  t.test('what is wrong before a server is asked is told of as what it is, and never as our fault', async (t) => {
    const user = devices.makeToken()
    const at = url(forwarding(user.tenant_id).server_identifier)
    const list = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const json = 'application/json'
    const wrong: [string, { path?: string; type?: string; text: string }, number][] = [
      ['no JSON', { text: '{' }, 400],
      ['nothing at all', { text: '' }, 400],
      ['what might change a prototype', { text: '{"__proto__": {}}' }, 400],
      ['no JSON by its own word', { type: 'text/plain', text: list }, 400],
      ['a provider that is not there', { path: '/mcp/nowhere', text: list }, 404],
      ['a provider that cannot be there', { path: '/mcp/No%20Where', text: list }, 400]
    ]
    for (const [name, { path = at, type = json, text }, status] of wrong) {
      const headers = { host: '127.0.0.1:4000', accept: json, 'content-type': type, ...user.headers }
      const answer = await app.inject({ method: 'POST', url: path, headers, payload: text })
      t.match([answer.statusCode, answer.json()], [status, { jsonrpc: '2.0', error: { message: /./ } }], name)
      t.notMatch(answer.body, /\.ts|node_modules/, name)
    }
  })

  t.test('both eras are greeted, the older one with a session that its client may keep', async (t) => {
    const user = devices.makeToken()
    const at = url(forwarding(user.tenant_id).server_identifier)
    const met = await ask(at, user.headers, { method: 'server/discover' })
    t.equal(met.headers['mcp-session-id'], undefined)
    t.match(met.body, {
      result: { capabilities: { tools: {}, prompts: {}, resources: {} } }
    })
    const spoken = [version, '2025-11-25', '2025-06-18', '2025-03-26']
    t.same(Object(met.body.result).supportedVersions, spoken, 'and none of another transport')
    const old = await askLegacy(at, user.headers, 'initialize', { protocolVersion: '2025-06-18' })
    t.match(old.body, { result: { protocolVersion: '2025-06-18', serverInfo: { name: 'onbehalf' } } })
    t.match(old.headers['mcp-session-id'], /^[\w-]{32}$/)
    t.match(old.body, { result: { capabilities: { logging: {}, resources: { subscribe: true } } } })
    for (const protocolVersion of ['1.0', '2024-11-05']) {
      const odd = await askLegacy(at, user.headers, 'initialize', { protocolVersion })
      t.match(odd.body, { result: { protocolVersion: '2025-11-25' } }, protocolVersion)
    }
    const told = await post(at, user.headers, { jsonrpc: '2.0', method: 'notifications/initialized' })
    t.match(told, { status: 202, body: {} })
    t.match((await askLegacy(at, user.headers, 'ping')).body, { result: {} })
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await app.inject({ method, url: at, headers: { ...user.headers, host: '127.0.0.1' } })
      t.match([answer.statusCode, answer.headers.allow], [405, 'POST'])
    }
  })
}
