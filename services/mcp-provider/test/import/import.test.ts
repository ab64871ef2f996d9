import { randomBytes } from 'node:crypto'
import { recordSecrets } from '@onbehalf/testkit'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const { app, as, broker } = await startService(t, { allow: [noting.address] })
const url = '/v1/mcp-providers'
const send = async (who: Awaited<ReturnType<typeof broker.signIn>>, path: string, payload: object) => {
  const answer = await app.inject({ method: 'POST', url: `${url}/${path}`, headers: who.headers, payload })
  return { status: answer.statusCode, body: answer.json() }
}
const secret = () => {
  const text = randomBytes(18).toString('base64url')
  recordSecrets([text])
  return text
}

t.test('a server is tried with all its settings, and nothing is stored', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const key = secret()
  noting.seen.length = 0
  const tried = await send(owner, 'test', { server_url: noting.url, headers: { 'X-Key': key } })
  t.match(tried, { status: 200, body: { tools_status: 'fresh', tools: [{ name: 'noted', hash: /^[\w-]{43}$/ }] } })
  for (const seen of noting.seen) t.equal(seen['x-key'], key)
  const away = await send(owner, 'test', { server_url: 'http://127.0.0.3:1/' })
  t.match(away, { status: 200, body: { tools_status: 'unreachable', tools_error: /EGRESS_ALLOW/, tools: [] } })
  noting.answer = { ...noting.answer, status: 401 }
  noting.seen.length = 0
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token', headers: { Authorization: 'Basic x' } }
  const wanting = await send(owner, 'test', { server_url: noting.url, ...forwarding })
  noting.answer = { ...noting.answer, status: 200 }
  t.match(wanting.body, { tools_status: 'needs_identity' })
  for (const seen of noting.seen) t.notOk(seen.authorization, 'no token can be for what is not registered')
  t.match(await send(owner, 'test', { server_url: 'x' }), { status: 400, body: { details: [{ path: 'server_url' }] } })
  t.same((await as(owner)('GET', url)).body.data, [])
  t.same((await as(owner)('GET', '/v1/audit/providers')).body.data, [])
  const member = await broker.signIn({ tenant_id: owner.tenant_id })
  t.equal((await send(member, 'test', { server_url: noting.url })).status, 403)
})

t.test('the servers of a file are registered, with a report for each', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const key = secret()
  const mcpServers = {
    'My Server': { type: 'http', url: `${noting.url}/1`, headers: { 'X-Key': key }, disabled: false },
    other__one_: { serverUrl: `${noting.url}/2` },
    gone: { url: 'http://127.0.0.3:1/' },
    off: { url: `${noting.url}/off`, disabled: true },
    'not on': { command: 'npx', enabled: false }
  }
  const { status, body } = await send(owner, 'import', { mcpServers })
  t.equal(status, 201)
  t.match(body.data, [
    { entry: 'My Server', name: 'My Server', server_identifier: 'my-server', tools_status: 'fresh', tools_error: null },
    { entry: 'other__one_', server_identifier: 'other_one', tools_status: 'fresh' },
    { entry: 'gone', server_identifier: 'gone', tools_status: 'unreachable', tools_error: /EGRESS_ALLOW/ }
  ])
  t.equal(body.data.length, 3)
  t.same(body.skipped, [
    { entry: 'off', reason: 'is disabled in the file' },
    { entry: 'not on', reason: 'is disabled in the file' }
  ])
  const { body: first } = await as(owner)('GET', `${url}/${body.data[0].id}`)
  t.match(first, { tools: [{ name: 'noted' }], masked_headers: { 'X-Key': String } })
  const { text } = await as(owner)('GET', '/v1/audit/providers?action=provider.created')
  t.equal(JSON.parse(text).data.length, 3, 'each is on record')
  t.notMatch(text, key)
})

t.test('one entry that cannot be registered keeps all out, and each such one is named with the reason', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const known = { name: 'known', server_identifier: 'known', server_url: `${noting.url}/known` }
  await as(owner)('POST', url, known)
  const events = (await as(owner)('GET', '/v1/audit/providers')).text
  const reasons = {
    stdio: [{ command: 'npx', args: ['-y', 'server'] }, /stdio/],
    nothing: [{}, /no url/],
    KNOWN: [{ url: `${noting.url}/else` }, /identifier of another/],
    'same url': [{ url: known.server_url }, /url of another/],
    twin: [{ url: `${noting.url}/twin` }, /identifier of another/],
    Twin: [{ url: `${noting.url}/twin-2` }, /identifier of another/],
    template: [{ url: `${noting.url}/t`, headers: { 'X-Key': ['$', '{KEY}'].join('') } }, /placeholder/],
    'bad header': [{ url: `${noting.url}/h`, headers: { 'a b': 'x' } }, /header name/],
    'bad url': [{ url: 'ftp://127.0.0.1/' }, /URL|http/],
    日本: [{ url: `${noting.url}/j` }, /server_identifier/],
    [`long ${'x'.repeat(40)}`]: [{ url: `${noting.url}/l` }, /40 characters/]
  } as const
  const entries = Object.entries(reasons).map(([name, [entry]]) => [name, entry])
  const mcpServers = Object.fromEntries([...entries, ['fine', { url: `${noting.url}/fine` }]])
  const { status, body } = await send(owner, 'import', { mcpServers })
  t.equal(status, 400)
  t.match(body, { code: 'invalid_request', message: /^Nothing was imported: of 12 servers/ })
  const told = new Map<string, string>(body.details.map(({ path, message }: Record<string, string>) => [path, message]))
  t.equal(told.size, 11)
  for (const [name, [, reason]] of Object.entries(reasons)) t.match(told.get(`mcpServers.${name}`), reason, name)
  t.equal((await as(owner)('GET', url)).body.data.length, 1)
  t.equal((await as(owner)('GET', '/v1/audit/providers')).text, events)
})

t.test('a file with nothing but disabled servers registers none', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const { status, body } = await send(owner, 'import', { mcpServers: { a: { url: noting.url, disabled: true } } })
  t.match({ status, body }, { status: 201, body: { data: [], skipped: [{ entry: 'a' }] } })
  t.same(body.data, [])
  t.same((await as(owner)('GET', url)).body.data, [])
})

t.test('only administrators import, and a file has to be one', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const file = { mcpServers: { a: { url: noting.url } } }
  t.equal((await send(await broker.signIn({ tenant_id: owner.tenant_id }), 'import', file)).status, 403)
  for (const wrong of [{}, { mcpServers: {} }, { mcpServers: [] }, { mcpServers: { a: 5 } }, { ...file, servers: {} }])
    t.equal((await send(owner, 'import', wrong)).status, 400)
})
