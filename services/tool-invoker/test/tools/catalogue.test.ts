import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { startStage } from '../stage.ts'

const { app, call, settle, broker, providers, devices, issuer, recording } = await startStage(t)

const tools = [
  {
    ...{ name: 'read', description: 'Reads it', input_schema: { type: 'object', required: ['id'] }, hash: 'read-1' },
    ...{ icons: [{ src: 'https://icons.example/read' }], _meta: { ui: 1 }, execution: { taskSupport: 'optional' } }
  },
  { name: 'write', is_approved: false }
]
const register = (tenant_id: string, given: object = {}) =>
  providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token', tools, ...given })

t.test(
  'a tool that is not approved, or that its server does not have, is refused before a token is minted',
  async (t) => {
    const user = await broker.signIn()
    const { server_identifier } = register(user.tenant_id)
    const before = { asked: issuer.asked().length, requests: recording.requests().length }
    const waiting = await call(user.headers, { server_identifier, tool: 'write' })
    t.match(waiting, { status: 403, body: { code: 'tool_not_approved', details: [{ path: 'tool' }] } })
    const unknown = await call(user.headers, { server_identifier, tool: 'rea' })
    t.match(unknown, { status: 404, body: { code: 'not_found', details: [{ path: 'tool' }] } })
    t.same({ asked: issuer.asked().length, requests: recording.requests().length }, before)
    const read = () => call(user.headers, { server_identifier, tool: 'read', arguments: { id: 1 } })
    for (const _ of ['cold', 'held', 'kept']) t.equal((await read()).status, 200)
    t.equal((await call(user.headers, { server_identifier, tool: 'write' })).status, 403, 'the others change nothing')
    t.equal((await read()).status, 200)
    const { body } = await call(user.headers, { server_identifier: 'nowhere', tool: 'read', arguments: { id: 1 } })
    t.match(body, { code: 'not_found', message: /provider/ })
  }
)

t.test('what a refused call was for is on record', async (t) => {
  const user = await broker.signIn()
  const { server_identifier, provider_id } = register(user.tenant_id)
  await call(user.headers, { server_identifier, tool: 'write' })
  // The record follows the answer.
  const recorded = await eventually(
    async () => (await app.inject({ url: '/v1/calls', headers: user.headers })).json().data,
    ({ length }) => length > 0
  )
  t.match(recorded, [
    { provider_id, tool: 'write', tool_hash: /^[\w-]{43}$/, outcome: 'tool_not_approved', token_jti: null }
  ])
})

t.test('a server that was never listed may be tried, unless its tools are to be reviewed', async (t) => {
  const user = await broker.signIn()
  const { tools: _, ...unlisted } = { tools, server_url: recording.url, tenant_id: user.tenant_id }
  const { server_identifier, provider_id } = providers.register(unlisted)
  t.equal((await call(user.headers, { server_identifier, tool: 'anything' })).status, 200)
  providers.hide(provider_id, { isReviewed: true })
  providers.change({ kind: 'tools', id: provider_id })
  await settle()
  t.match(await call(user.headers, { server_identifier, tool: 'anything' }), { body: { code: 'tool_not_approved' } })
})

t.test('a warm call asks for no tool, and one whose catalogue changed asks again and keeps its token', async (t) => {
  const user = await broker.signIn()
  const { server_identifier, provider_id } = register(user.tenant_id)
  const read = () => call(user.headers, { server_identifier, tool: 'read', arguments: { id: 1 } })
  await read()
  const before = { tools: providers.toolsAsked(), tokens: issuer.asked().length, providers: providers.asked() }
  for (const _ of [1, 2, 3]) t.equal((await read()).status, 200)
  t.equal(providers.toolsAsked(), before.tools)
  providers.listAs(provider_id, [{ name: 'read', is_approved: false }])
  await settle()
  t.match(await read(), { status: 403, body: { code: 'tool_not_approved' } })
  providers.listAs(provider_id, [{ name: 'read' }])
  await settle()
  t.equal((await read()).status, 200)
  t.equal(issuer.asked().length, before.tokens, 'the same token is used')
})

t.test('the tools that a caller may call are listed with their schemas, page by page', async (t) => {
  const user = await broker.signIn()
  const { server_identifier, provider_id } = register(user.tenant_id)
  const names = Array.from({ length: 230 }, (_, index) => ({ name: `many-${index}` }))
  const many = register(user.tenant_id, { tools: names })
  register((await broker.signIn()).tenant_id)
  const get = async (query: string, headers: Record<string, string> = user.headers) =>
    (await app.inject({ url: `/v1/tools?${query}`, headers })).json()

  const { data, next_cursor } = await get(`server_identifier=${server_identifier}`)
  t.same(data, [{ provider_id, server_identifier, ...tools[0] }])
  t.equal(next_cursor, null)
  const first = await get('limit=200')
  t.equal(first.data.length, 200)
  const rest = await get(`limit=200&cursor=${first.next_cursor}`)
  t.equal(rest.data.length, 31)
  t.equal(rest.next_cursor, null)
  t.equal(new Set([...first.data, ...rest.data].map(({ name }) => name)).size, 231)
  t.same((await get('search=many-22')).data.length, 11)
  t.match((await get('limit=1&search=many')).data, [{ server_identifier: many.server_identifier, name: 'many-0' }])
  for (const query of ['limit=0', 'limit=201', 'server_identifier=UP', 'order=name'])
    t.equal((await get(query)).status, 400, query)

  const device = devices.makeToken({ tenant_id: user.tenant_id })
  t.equal((await get('limit=5', device.headers)).data.length, 5)
  const listing = broker.makeApiKey({ tenant_id: user.tenant_id, scopes: ['tools:list'] })
  t.equal((await get('limit=5', listing.headers)).data.length, 5)
  const calling = broker.makeApiKey({ tenant_id: user.tenant_id, scopes: ['tools:call'] })
  t.match(await get('limit=5', calling.headers), { code: 'forbidden' })
})

t.test(
  'a server that wants other headers than are known is asked again as it describes the tool by then',
  async (t) => {
    const user = await broker.signIn()
    const region = (more: object) => ({ type: 'object', properties: { region: { type: 'string', ...more } } })
    const [old, next] = [region({}), region({ 'x-mcp-header': 'Region' })].map((input_schema, index) => ({
      ...{ name: 'deploy', input_schema, hash: `deploy-${index}` }
    }))
    if (!old || !next) throw new Error('two of them')
    recording.answer(({ id, headers }, raw) => {
      if (headers['mcp-param-region'] === 'eu') return { content: [] }
      const error = { code: -32020, message: 'Mcp-Param-Region is missing' }
      raw.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, error }))
      return undefined
    })
    const deploy = async (relisted: object[]) => {
      const given = { mode: 'off', tools: [old], relisted } as const
      const { server_identifier } = register(user.tenant_id, given)
      const before = recording.calls().length
      const { status, body } = await call(user.headers, {
        server_identifier,
        tool: 'deploy',
        arguments: { region: 'eu' }
      })
      return { status, code: body.code, calls: recording.calls().length - before }
    }
    t.match(await deploy([next]), { status: 200, calls: 2 })
    const recorded = () => app.inject({ url: '/v1/calls?tool=deploy&outcome=ok', headers: user.headers })
    const rows = await eventually(
      async () => (await recorded()).json().data,
      ({ length }) => length === 1
    )
    t.match(rows, [{ tool_hash: next.hash }], 'on record is the tool that was called')
    t.match(await deploy([{ ...next, is_approved: false }]), { status: 403, code: 'tool_not_approved', calls: 1 })
    t.match(await deploy([old]), { status: 502, code: 'upstream_error', calls: 1 }, 'what did not change helps nobody')
    t.match(await deploy([]), { status: 404, code: 'not_found', calls: 1 })
    const takesNone = { ...next, hash: 'deploy-2', input_schema: { ...next.input_schema, maxProperties: 0 } }
    t.match(await deploy([takesNone]), { status: 422, calls: 1 })
  }
)
