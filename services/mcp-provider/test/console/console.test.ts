import { randomBytes, randomUUID } from 'node:crypto'
import { recordSecrets } from '@onbehalf/testkit'
import { mask } from '@onbehalf/vault'
import t from 'tap'
import { settingsOf } from '../../src/providers/apply-change.ts'
import { openProvider, sealSettings } from '../../src/providers/secrets.ts'
import { providerStore } from '../../src/providers/store.ts'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const { app, broker, resources } = await startService(t, { allow: [noting.address] })
const owner = await broker.signIn({ role: 'owner' })
const mount = '/console/api/workspaces/current'
const providers = `${mount}/tool-provider/mcp`

const secret = () => {
  const text = randomBytes(18).toString('base64url')
  recordSecrets([text])
  return text
}
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
const send = async (method: Method, url: string, payload?: object, { headers } = owner) => {
  const answer = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) })
  return { status: answer.statusCode, body: answer.json() }
}
let made = 0
/** What the form of the console sends, which sends more than is read. */
const form = (more: object = {}) => {
  made += 1
  return {
    ...{ name: `Server ${made}`, server_identifier: `server-${made}`, server_url: `${noting.url}/${made}` },
    ...{ icon: '🔗', icon_type: 'emoji', icon_background: '#6366F1', is_dynamic_registration: true },
    configuration: { timeout: 30, sse_read_timeout: 300 },
    authentication: { client_id: '', client_secret: '' },
    ...more
  }
}
const create = async (more: object = {}) => {
  const given = form(more)
  const { status, body } = await send('POST', providers, given)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return { given, body, at: `${providers}/tools/${body.id}` }
}
const storedOf = async (id: string) => {
  const row = await providerStore(resources.db).find(owner.tenant_id, id)
  if (!row) throw new Error('it is gone')
  return (await openProvider(resources.vault, row)).settings
}

t.test(
  'a provider is created, read, listed, listed anew, changed and forgotten in the shapes of the reference',
  async (t) => {
    const key = secret()
    const { given, body, at } = await create({ headers: { 'X-Key': key } })
    const icon = { content: '🔗', background: '#6366F1' }
    const shown = {
      ...{
        name: given.name,
        type: 'mcp',
        author: 'Anonymous',
        icon,
        is_team_authorization: true,
        identity_mode: 'off'
      },
      ...{ server_url: `http://${noting.address}/******`, server_identifier: given.server_identifier },
      ...{ configuration: { timeout: 30, sse_read_timeout: 300 }, label: { en_US: given.name } },
      tools: [{ name: 'noted', author: 'Anonymous', parameters: [], labels: [] }]
    }
    t.match(body, {
      id: /^[0-9a-f-]{36}$/,
      ...shown,
      masked_headers: { 'X-Key': mask(key) },
      is_dynamic_registration: true
    })
    t.notOk('authentication' in body)
    t.type(body.updated_at, 'number')
    t.same((await send('GET', at)).body, body)
    const { body: listed } = await send('GET', `${mount}/tools/mcp`)
    t.match(listed, [{ ...shown, id: given.server_identifier, masked_headers: {}, is_dynamic_registration: true }])

    noting.answer = { status: 200, tools: [{ name: 'renewed' }] }
    const refreshed = await send('GET', `${providers}/update/${body.id}`)
    noting.answer = { status: 200, tools: [{ name: 'noted' }] }
    t.match(refreshed, { status: 200, body: { tools: [{ name: 'renewed' }] } })
    const change = { ...given, name: 'Renamed', provider_id: body.id }
    t.same((await send('PUT', providers, change)).body, { result: 'success' })
    t.equal((await send('GET', at)).body.name, 'Renamed')
    t.same((await send('DELETE', providers, { provider_id: body.id })).body, { result: 'success' })
    t.match(await send('GET', at), { status: 404, body: { code: 'not_found' } })
  }
)

t.test('the list is by name, whatever the order they were made in', async (t) => {
  const other = await broker.signIn({ role: 'owner' })
  for (const name of ['b', 'C', 'a']) await send('POST', providers, form({ name }), other)
  const { body } = await send('GET', `${mount}/tools/mcp`, undefined, other)
  t.same(
    body.map(({ name }: { name: string }) => name),
    ['a', 'b', 'C']
  )
})

t.test('the list has all of them, however many there are', async (t) => {
  const other = await broker.signIn({ role: 'owner' })
  const { db, vault } = resources
  const names = Array.from({ length: 1_001 }, (_, index) => `n${String(index).padStart(4, '0')}`)
  const rows = await Promise.all(
    names.map(async (name) => {
      const held = { id: randomUUID(), tenant_id: other.tenant_id }
      const settings = settingsOf({ name, server_identifier: name, server_url: `${noting.url}/${name}` })
      const sealed = await sealSettings(vault, held, settings)
      return { ...held, ...sealed, created_by: other.user_id, tools_status: 'stale', tools_error: null } as const
    })
  )
  await db.insertInto('provider').values(rows).execute()
  const { body } = await send('GET', `${mount}/tools/mcp`, undefined, other)
  t.same(
    body.map(({ name }: { name: string }) => name),
    names
  )
})

t.test('what the form leaves out, shows masked or sends empty is not written over what is stored', async (t) => {
  const [key, client_id, client_secret] = [secret(), secret(), secret()]
  const authentication = { client_id, client_secret }
  const { given, body } = await create({ headers: { 'X-Key': key }, authentication })
  t.same(body.authentication, { client_id: mask(client_id), client_secret: mask(client_secret) })
  t.equal(body.is_dynamic_registration, false)
  const stored = await storedOf(body.id)
  const without = { ...given, headers: undefined, provider_id: body.id }
  const forms = [
    { ...without, server_url: '[__HIDDEN__]', authentication: body.authentication },
    { ...without, server_url: body.server_url, headers: body.masked_headers, authentication: {} },
    { ...without, headers: null, authentication: null, configuration: null, identity_mode: null },
    { ...without, authentication: { client_id: '', client_secret: '' } }
  ]
  for (const change of forms) {
    t.match(await send('PUT', providers, change), { status: 200, body: { result: 'success' } })
    t.same(await storedOf(body.id), stored)
  }
  await send('PUT', providers, { ...without, headers: {}, authentication: { client_id: 'next' } })
  t.match(await storedOf(body.id), { headers: {}, authentication: { client_id: 'next', client_secret } })
})

t.test(
  'another URL is tried with the headers in clear and the new timeouts, and a failure wipes nothing',
  async (t) => {
    const key = secret()
    const { given, body } = await create({ headers: { 'X-Key': key } })
    const stored = await storedOf(body.id)
    const change = { ...given, provider_id: body.id, server_url: `${noting.url}/moved`, configuration: { timeout: 2 } }
    noting.seen.length = 0
    noting.answer = { ...noting.answer, status: 500 }
    const failed = await send('PUT', providers, change)
    noting.answer = { ...noting.answer, status: 200 }
    t.match(failed, { status: 400, body: { code: 'invalid_param', status: 400, details: [{ path: 'server_url' }] } })
    for (const seen of noting.seen) t.equal(seen['x-key'], key)
    t.same(await storedOf(body.id), stored)
    t.equal((await send('PUT', providers, change)).status, 200)
    t.match(await storedOf(body.id), { server_url: `${noting.url}/moved`, timeout: 2, sse_read_timeout: 300 })
  }
)

t.test('a mode is what switches forwarding, and off switches it off', async (t) => {
  const { given, body } = await create({ identity_mode: 'idp_token' })
  t.match(body, { identity_mode: 'idp_token' })
  t.match(await storedOf(body.id), { forward_user_identity: true, identity_mode: 'idp_token' })
  await send('PUT', providers, { ...given, identity_mode: 'off', provider_id: body.id })
  t.match(await storedOf(body.id), { forward_user_identity: false, identity_mode: 'off' })
})

t.test('any schema of a tool is shown, odd types as text', async (t) => {
  const properties = {
    count: { type: 'integer', description: 'How many' },
    either: { anyOf: [{ $ref: '#/x' }, { type: ['null', 'boolean'] }] },
    list: { type: 'array', items: { type: 'string' } },
    odd: { type: 'unheard-of' },
    none: null
  }
  const tools = [
    { name: 'typed', inputSchema: { type: 'object', properties, required: ['count'] } },
    { name: 'untyped', inputSchema: ['nonsense'] }
  ]
  noting.answer = { status: 200, tools }
  const { body } = await create()
  noting.answer = { status: 200, tools: [{ name: 'noted' }] }
  const facts = body.tools[0].parameters.map((one: Record<string, unknown>) => [one.name, one.type, one.required])
  t.same(facts, [
    ['count', 'number', true],
    ['either', 'boolean', false],
    ['list', 'array', false],
    ['odd', 'string', false],
    ['none', 'string', false]
  ])
  t.match(body.tools[0].parameters, [
    { form: 'llm', llm_description: 'How many' },
    {},
    { input_schema: properties.list }
  ])
  t.same(body.tools[1].parameters, [])
})

t.test('what is taken or wrong is 400 in the words of the reference, and says which it is', async (t) => {
  const { given } = await create()
  for (const field of ['name', 'server_identifier', 'server_url'] as const) {
    const { status, body } = await send('POST', providers, { ...form(), [field]: given[field] })
    t.equal(status, 400)
    t.match(body, { code: 'invalid_param', status: 400, details: [{ path: field }] })
  }
  for (const wrong of [{ server_url: 'ftp://x' }, { server_identifier: 'UP' }, { name: '' }, { identity_mode: 'x' }])
    t.match(await send('POST', providers, form(wrong)), { status: 400, body: { code: 'invalid_param' } })
})

t.test("members read and change nothing, and another tenant's provider does not exist", async (t) => {
  const { given, body, at } = await create()
  const member = await broker.signIn({ tenant_id: owner.tenant_id })
  const stranger = await broker.signIn({ role: 'owner' })
  const writes = [
    ['POST', providers, form()],
    ['PUT', providers, { ...given, provider_id: body.id }],
    ['DELETE', providers, { provider_id: body.id }],
    ['GET', `${providers}/update/${body.id}`, undefined]
  ] as const
  t.equal((await send('GET', at, undefined, member)).status, 200)
  t.equal((await send('GET', `${mount}/tools/mcp`, undefined, member)).status, 200)
  for (const [method, url, payload] of writes) {
    t.equal((await send(method, url, payload, member)).status, 403, `${method} ${url}`)
    if (method === 'POST') continue
    const theirs = await send(method, url, payload, stranger)
    t.match(theirs, { status: 404, body: { code: 'not_found' } })
    const unknown = payload && { ...payload, provider_id: randomUUID() }
    const other = await send(method, url.replace(body.id, randomUUID()), unknown, stranger)
    t.equal(other.body.message, theirs.body.message)
  }
  t.equal((await send('GET', at)).body.name, given.name)
})

t.test('a link that somebody else made changes nothing, though it is a GET', async (t) => {
  const { body } = await create()
  const url = `${providers}/update/${body.id}`
  noting.seen.length = 0
  const { cookie } = owner.headers
  for (const headers of [{}, { 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
    const answer = await app.inject({ method: 'GET', url, headers: { cookie, ...headers } })
    t.match([answer.statusCode, answer.json().code], [403, 'csrf_rejected'])
  }
  t.same(noting.seen, [], 'its server was asked nothing')
  t.equal((await send('GET', url)).status, 200)
  const { headers } = broker.makeApiKey({ tenant_id: owner.tenant_id, scopes: ['providers:write'] })
  t.equal((await app.inject({ method: 'GET', url, headers })).statusCode, 200, 'and who sends no cookie needs no proof')
})
