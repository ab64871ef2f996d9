import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const { app, as, broker } = await startService(t, { allow: [noting.address] })
const url = '/v1/mcp-providers'
const console_ = '/console/api/workspaces/current'
const owner = await broker.signIn({ role: 'owner' })
const { tenant_id } = owner
const admin = await broker.signIn({ tenant_id, role: 'admin' })
const member = await broker.signIn({ tenant_id, role: 'member' })
const external = await broker.signIn({ tenant_id, role: null })
const stranger = await broker.signIn({ role: 'owner' })

let made = 0
const given = () => {
  made += 1
  return {
    name: `Server ${made}`,
    server_identifier: `server-${made}`,
    server_url: `${noting.url}/secret-path-${made}?key=secret-query`,
    headers: { 'X-Key': 'secret-header' }
  }
}
const { body: provider } = await as(owner)('POST', url, given())
const at = `${url}/${provider.id}`

const routes = [
  ['POST', url, 'write'],
  ['GET', url, 'read'],
  ['GET', at, 'read'],
  ['PUT', at, 'write'],
  ['PATCH', at, 'write'],
  ['DELETE', at, 'write'],
  ['POST', `${at}/refresh-tools`, 'write']
] as const

t.test('owners and admins write, members read, others do neither', async (t) => {
  for (const [method, path, kind] of routes) {
    const body = method === 'PUT' || method === 'PATCH' ? {} : undefined
    const label = `${method} ${path}`
    const asMember = await as(member)(method, path, method === 'POST' && path === url ? given() : body)
    t.equal(asMember.status, kind === 'read' ? 200 : 403, label)
    t.equal((await as(external)(method, path, body)).status, 403, label)
    const nobody = await app.inject({ method, url: path, ...(body ? { payload: body } : {}) })
    t.match(nobody, { statusCode: 401, headers: { 'www-authenticate': 'Bearer' } }, label)
    const { headers } = broker.makeApiKey({ tenant_id })
    t.equal((await app.inject({ method, url: path, headers })).statusCode, 403, `${label} with an API key for tools`)
  }
  t.equal((await as(admin)('POST', url, given())).status, 201)
  t.equal((await as(admin)('PATCH', at, { icon: 'x' })).status, 200)
})

t.test(
  'an API key that was made for it reads or writes providers, and has no identity to list them with',
  async (t) => {
    const reading = broker.makeApiKey({ tenant_id, scopes: ['providers:read'] })
    const writing = broker.makeApiKey({ tenant_id, scopes: ['providers:write'] })
    const send = async (
      headers: Record<string, string>,
      method: 'GET' | 'POST' | 'PATCH',
      path: string,
      payload?: object
    ) => (await app.inject({ method, url: path, headers, ...(payload ? { payload } : {}) })).json()
    t.match(await send(reading.headers, 'GET', at), { id: provider.id, server_url: `http://${noting.address}/******` })
    t.match(await send(reading.headers, 'PATCH', at, { icon: 'k' }), { status: 403, code: 'forbidden' })
    t.match(await send(writing.headers, 'PATCH', at, { icon: 'k' }), { icon: 'k' })
    const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
    const { headers: _, ...plain } = given()
    const made = await send(writing.headers, 'POST', url, {
      ...plain,
      server_url: `${noting.url}/by-key`,
      ...forwarding
    })
    t.match(made, { tools_status: 'needs_identity', tools_error: /Only a person/ })
    const { body } = await as(owner)('GET', `/v1/audit/providers?subject_id=${made.id}&action=provider.created`)
    t.match(JSON.stringify(body), `"actor":{"kind":"app","id":"${writing.app_id}"}`)
  }
)

t.test('a cookie alone changes nothing: the csrf value has to come with it', async (t) => {
  const { cookie } = owner
  const answer = await app.inject({ method: 'PATCH', url: at, headers: { cookie }, payload: { icon: 'y' } })
  t.match(answer, { statusCode: 403 })
  t.equal(answer.json().code, 'csrf_rejected')
})

t.test("another tenant's provider does not exist", async (t) => {
  for (const [method, path] of routes) {
    if (path === url) continue
    const body = method === 'PUT' || method === 'PATCH' ? { name: 'Mine now' } : undefined
    const { status, body: told } = await as(stranger)(method, path, body)
    const unknown = await as(stranger)(method, path.replace(provider.id, randomUUID()), body)
    t.equal(status, 404, `${method} ${path}`)
    t.match(told, { code: 'not_found', message: unknown.body.message })
  }
  t.same((await as(stranger)('GET', url)).body, { data: [], next_cursor: null })
  t.equal((await as(owner)('GET', at)).body.name, provider.name)
  t.equal((await as(owner)('GET', `${url}/not-an-id`)).status, 400)
})

t.test('administrators see the URL but for its query, members see the server; nobody sees a secret', async (t) => {
  const forAdministrator = `${noting.url}/secret-path-1?key=se********ry`
  t.equal((await as(owner)('GET', at)).body.server_url, forAdministrator)
  t.equal((await as(admin)('GET', at)).body.server_url, forAdministrator)
  for (const path of [at, url]) {
    const { text } = await as(member)('GET', path)
    t.match(text, `"server_url":"http://${noting.address}/******"`)
    t.match(text, '"masked_headers":{"X-Key":"se*********er"}')
    t.notMatch(text, 'secret')
  }
})

t.test('a list comes in pages, in the order the providers were made', async (t) => {
  const asOwner = as(await broker.signIn({ role: 'owner' }))
  const ids: string[] = []
  for (let index = 0; index < 5; index += 1) ids.push((await asOwner('POST', url, given())).body.id)
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const { body }: Awaited<ReturnType<typeof asOwner>> = await asOwner(
      'GET',
      `${url}?limit=2${cursor ? `&cursor=${cursor}` : ''}`
    )
    t.ok(body.data.length <= 2)
    seen.push(...body.data.map(({ id }) => id))
    cursor = body.next_cursor
  }
  t.same(seen, ids)
  t.equal((await asOwner('GET', url)).body.next_cursor, null)
  t.match((await asOwner('GET', url)).body.data[0], { forward_user_identity: false, identity_mode: 'off' })
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=x', 'order=age'])
    t.equal((await asOwner('GET', `${url}?${query}`)).status, 400, query)
})

t.test('a list is searched by name and identifier, and ordered by name or age, both ways', async (t) => {
  const asOwner = as(await broker.signIn({ role: 'owner' }))
  for (const name of ['beta', 'Alpha', 'gamma_x', 'Delta', 'gammaox'])
    await asOwner('POST', url, { ...given(), name, server_identifier: `id-of-${name.toLowerCase()}` })
  const read = async (query: string) => {
    const names: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const more = cursor ? `&cursor=${cursor}` : ''
      const { body }: Awaited<ReturnType<typeof asOwner>> = await asOwner('GET', `${url}?limit=2&${query}${more}`)
      names.push(...body.data.map(({ name }) => name))
      cursor = body.next_cursor
    }
    return names.join(' ')
  }
  t.equal(await read('order=name'), 'Alpha beta Delta gamma_x gammaox')
  t.equal(await read('order=-name'), 'gammaox gamma_x Delta beta Alpha')
  t.equal(await read('order=-created_at'), 'gammaox Delta gamma_x Alpha beta')
  t.equal(await read('order=name&search=GAMMA'), 'gamma_x gammaox')
  t.equal(await read('search=a_x'), 'gamma_x', 'an underscore is an underscore')
  t.equal(await read('search=id-of-alpha'), 'Alpha')
  t.equal(await read('search=nothing'), '')
})

t.test('the service says that it is ready, what it offers, and who may call it', async (t) => {
  t.same((await app.inject({ url: '/readyz' })).json(), { status: 'ready', degraded: [] })
  const { paths } = (await app.inject({ url: '/openapi.json' })).json()
  t.same(
    Object.keys(paths).sort(),
    [
      ...[url, `${url}/import`, `${url}/test`, `${url}/{id}`, '/v1/audit/providers'],
      ...['approve-tools', 'authorization', 'authorize', 'refresh-tools'].map((what) => `${url}/{id}/${what}`),
      ...[`${console_}/tool-provider/mcp`, `${console_}/tool-provider/mcp/auth`, `${console_}/tools/mcp`],
      ...['tools', 'update'].map((what) => `${console_}/tool-provider/mcp/${what}/{provider_id}`),
      ...['/console/api/mcp/oauth/callback', '/oauth/callback', '/oauth/client.json', '/oauth/connect'],
      ...['/oauth/callback/{issuer}', '/oauth/connect/{id}', '/oauth/tenants/{id}/jwks.json']
    ].sort()
  )
  const late = Object.entries<Record<string, { responses: object }>>(paths).filter(([, methods]) =>
    Object.values(methods).some(({ responses }) => '504' in responses)
  )
  t.same(
    late.map(([path]) => path).sort(),
    [
      ...[`${url}/{id}/authorize`, `${console_}/tool-provider/mcp/auth`, '/console/api/mcp/oauth/callback'],
      ...['/oauth/callback', '/oauth/callback/{issuer}', '/oauth/connect', '/oauth/connect/{id}']
    ].sort(),
    'those that tell of a server that is late ask one'
  )
  const open = app.routeTable.filter(({ access }) => access === 'public').map((route) => route.url)
  t.same([...new Set(open)].sort(), [
    ...['/console/api/mcp/oauth/callback', '/healthz', '/metrics', '/oauth/callback', '/oauth/callback/:issuer'],
    ...['/oauth/client.json', '/oauth/connect/:id', '/oauth/tenants/:id/jwks.json', '/openapi.json', '/readyz']
  ])
})
