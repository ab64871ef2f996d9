import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { issueToken, listProviderKeys, providerChanges, providerTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { call, createKeySet, readFeed, serve, verifyTicket } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { dumpRows, recordSecrets } from '@onbehalf/testkit'
import { startEverything, startWhoami } from '@onbehalf/testkit/mcp-servers'
import { openBusAs } from '@onbehalf/testkit/players'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const whoami = await startWhoami({ issuer: 'http://127.0.0.1:9' })
t.teardown(whoami.stop)
const everything = await startEverything()
t.teardown(everything.stop)
const noting = await startNotingServer(t)
const { as, backends, broker, brokerBus, logs } = await startService(t, {
  allow: [`127.0.0.1:${whoami.port}`, `127.0.0.1:${everything.port}`, noting.address]
})
const owner = await broker.signIn({ role: 'owner' })
const asOwner = as(owner)
const url = '/v1/mcp-providers'

let made = 0
const fresh = (given: object) => {
  made += 1
  return { name: `Server ${made}`, server_identifier: `server-${made}`, ...given }
}
const secret = () => {
  const text = randomBytes(18).toString('base64url')
  recordSecrets([text])
  return text
}
/** A token for the server that the provider ticket names, as the broker makes it. */
const minted = (token: string, { provider }: { provider: string }) => {
  const { audience } = JSON.parse(Buffer.from(provider.split('.')[1] ?? '', 'base64url').toString()).statement
  const facts = { mode: 'idp_token', user_id: owner.user_id, subject: 's', audience } as const
  const identity = { ...facts, jti: null, grant_id: null, connection_id: null }
  return { token, expires_at: Math.floor(Date.now() / 1000) + 60, reusable: true, identity }
}
const issued = async (handler: Parameters<typeof serve<typeof issueToken.request, typeof issueToken.reply>>[2]) => {
  const served = serve(brokerBus, issueToken, handler)
  await brokerBus.connection.flush()
  return served
}

t.test('the create answer already has the tools, and no second save is needed', async (t) => {
  const first = await asOwner('POST', url, fresh({ name: 'Who am I', server_url: whoami.url }))
  t.equal(first.status, 201)
  t.match(first.body, {
    name: 'Who am I',
    server_url: whoami.url,
    configuration: { timeout: 30, sse_read_timeout: 300 },
    masked_headers: {},
    authentication: null,
    tools_status: 'fresh',
    tools_error: null,
    revision: 1,
    created_at: /^\d{4}-\d\d-\d\dT.*Z$/,
    tools: [
      { name: 'whoami', description: /who is calling/, output_schema: { required: ['subject', 'audience', 'issuer'] } },
      { name: 'echo', input_schema: { properties: { message: { type: 'string' } } }, hash: /^[\w-]{43}$/ }
    ]
  })
  t.notOk(first.text.includes('tenant_id'))
  const second = await asOwner('POST', url, fresh({ server_url: everything.url }))
  t.equal(second.status, 201)
  t.equal(second.body.tools_status, 'fresh')
  t.ok(second.body.tools.length > 8)
  t.same((await asOwner('GET', `${url}/${second.body.id}`)).body, second.body)
})

t.test('both identity fields are in the answer, also when they were not given', async (t) => {
  const { body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?identity` }))
  t.match(body, { forward_user_identity: false, identity_mode: 'off' })
})

t.test('a server that is not there, or may not be called, leaves the provider stored and says why', async (t) => {
  const gone = await asOwner('POST', url, fresh({ server_url: `http://127.0.0.3:${whoami.port}/mcp` }))
  t.equal(gone.status, 201)
  t.same(gone.body.tools, [])
  t.match(gone.body, { tools_status: 'unreachable', tools_error: /EGRESS_ALLOW/ })
  noting.answer = { ...noting.answer, status: 503 }
  const away = await asOwner('POST', url, fresh({ server_url: `${noting.url}?away` }))
  noting.answer = { ...noting.answer, status: 200 }
  t.equal(away.status, 201)
  t.same(away.body.tools, [])
  t.match(away.body, { tools_status: 'unreachable', tools_error: /cannot be reached or is not working/ })
  const { body } = await asOwner('POST', `${url}/${away.body.id}/refresh-tools`)
  t.match(body, { tools: [{ name: 'noted' }], tools_status: 'fresh', tools_error: null, revision: 1 })
  noting.answer = { ...noting.answer, status: 500 }
  const kept = await asOwner('POST', `${url}/${away.body.id}/refresh-tools`)
  noting.answer = { ...noting.answer, status: 200 }
  t.match(kept.body, { tools: [{ name: 'noted' }], tools_status: 'unreachable' }, 'the last catalogue stays')
})

t.test('a list that cannot be kept is told of, and never half kept', async (t) => {
  const deep = JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`)
  const bad = [[{ name: 'a' }, { name: 'a' }], [{ name: 'a\u0000' }], [{ name: 'a', inputSchema: deep }]]
  for (const [index, tools] of bad.entries()) {
    noting.answer = { status: 200, tools }
    const { status, body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?bad=${index}` }))
    t.equal(status, 201)
    t.same(body.tools, [])
    t.match(body, { tools_status: 'unreachable', tools_error: /list of tools cannot be used/ })
  }
  const odd = {
    name: 'odd',
    title: 5,
    description: 'NUL \u0000 and \ud800',
    inputSchema: { type: 'nonsense', x: ['\u0000'] }
  }
  noting.answer = { status: 200, tools: [odd] }
  const { body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?odd` }))
  noting.answer = { status: 200, tools: [{ name: 'noted' }] }
  t.match(body, { tools_status: 'fresh', tools: [{ name: 'odd', input_schema: { type: 'nonsense', x: ['\u0000'] } }] })
  t.notOk(JSON.stringify(body.tools).includes('title'))
})

t.test("the provider's headers go to its server, and a 401 says that it wants a credential", async (t) => {
  const [key, name] = [secret(), secret()]
  noting.seen.length = 0
  const headers = { 'X-Api-Key': key, Authorization: `Basic ${name}` }
  await asOwner('POST', url, fresh({ server_url: `${noting.url}?headers`, headers }))
  t.ok(noting.seen.length > 0)
  for (const seen of noting.seen) t.match(seen, { 'x-api-key': key, authorization: `Basic ${name}` })
  noting.answer = { ...noting.answer, status: 401 }
  const { status, body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?401` }))
  noting.answer = { ...noting.answer, status: 200 }
  t.equal(status, 201)
  t.match(body, { tools_status: 'needs_identity', tools_error: /wants a credential/ })
})

t.test('headers are secrets: over plain http they go nowhere but to listed loopback', async (t) => {
  const given = { server_url: 'http://93.184.216.34/mcp', headers: { 'X-Key': 'abc' } }
  const { status, body } = await asOwner('POST', url, fresh(given))
  t.equal(status, 201)
  t.match(body, { tools_status: 'unreachable', tools_error: /needs https/ })
})

const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }

t.test('a forwarding provider is listed as the administrator who asked, with a token for that server', async (t) => {
  const [token, own] = [secret(), secret()]
  const asked: { principal: string; provider: string; rejected_token_hash?: string }[] = []
  const served = await issued(async (request) => {
    asked.push(request)
    return minted(token, request)
  })
  t.teardown(served.stop)
  noting.seen.length = 0
  const server_url = `${noting.url}/A%7e/b`
  const given = fresh({ server_url, ...forwarding, headers: { authorization: `Bearer ${own}`, 'x-more': 'yes' } })
  const { status, body } = await asOwner('POST', url, given)
  t.equal(status, 201)
  t.match(body, { tools_status: 'fresh', tools: [{ name: 'noted' }], ...forwarding })
  t.ok(noting.seen.length > 0)
  for (const seen of noting.seen) t.match(seen, { authorization: `Bearer ${token}`, 'x-more': 'yes' })

  const findKey = createKeySet(async () => (await call(brokerBus, listProviderKeys, {}, soon())).ticket)
  const statement = await verifyTicket(providerTicket, asked[0]?.provider ?? '', { findKey })
  t.same(statement, {
    tenant_id: owner.tenant_id,
    provider_id: body.id,
    revision: 1,
    server_identifier: given.server_identifier,
    audience: server_url,
    mode: 'idp_token',
    scopes: []
  })
  t.equal(asked[0]?.principal.split('.').length, 3)

  noting.answer = { ...noting.answer, status: 401 }
  const refused = await asOwner('POST', `${url}/${body.id}/refresh-tools`)
  t.equal(asked.at(-1)?.rejected_token_hash, hashOf(token), 'the broker had no other token')
  noting.answer = { ...noting.answer, status: 200 }
  t.match(refused.body, { tools: [{ name: 'noted' }], tools_status: 'needs_identity', tools_error: /does not accept/ })
})

t.test('a token that the server rejects is asked for anew, once', async (t) => {
  const tokens = [secret(), secret()]
  const rejected: (string | undefined)[] = []
  const served = await issued(async (request) => {
    rejected.push(request.rejected_token_hash)
    const token = tokens[rejected.length - 1] ?? ''
    return minted(token, request)
  })
  t.teardown(served.stop)
  noting.answer = { ...noting.answer, rejects: `Bearer ${tokens[0]}` }
  const { body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}/rejects`, ...forwarding }))
  noting.answer = { status: 200, tools: [{ name: 'noted' }] }
  t.match(body, { tools_status: 'fresh', tools: [{ name: 'noted' }] })
  t.same(rejected, [undefined, hashOf(tokens[0] ?? '')])
})

t.test('without a token nothing is sent to the server of a forwarding provider', async (t) => {
  const connect_url = 'http://127.0.0.1:4000/connect?to=x'
  const served = await issued(async () => {
    throw new ReportedError('no_refresh_token', 'Sign in again so that tools can be called for you.', { connect_url })
  })
  noting.seen.length = 0
  const signedOut = await asOwner('POST', url, fresh({ server_url: `${noting.url}/no-token`, ...forwarding }))
  t.equal(signedOut.status, 201)
  t.match(signedOut.body, {
    tools_status: 'needs_identity',
    tools_error: `Sign in again so that tools can be called for you. ${connect_url}`
  })
  await served.stop()
  const nobody = await asOwner('POST', url, fresh({ server_url: `${noting.url}/nobody`, ...forwarding }))
  t.equal(nobody.status, 201)
  t.match(nobody.body, { tools_status: 'needs_identity', tools_error: /identity-broker is not available/ })
  t.same(noting.seen, [])
})

t.test('identity is forwarded over https or listed loopback only', async (t) => {
  for (const server_url of ['http://127.0.0.3:8080/mcp', 'http://93.184.216.34/mcp']) {
    const { status, body } = await asOwner('POST', url, fresh({ server_url, ...forwarding }))
    t.equal(status, 400, server_url)
    t.match(body, { code: 'invalid_request', details: [{ path: 'server_url', message: /https/ }] })
  }
})

t.test('a server whose URL has a query gets no identity: an audience has none', async (t) => {
  const { status, body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?key=x`, ...forwarding }))
  t.equal(status, 400)
  t.match(body, { code: 'invalid_request', details: [{ path: 'server_url' }] })
})

t.test('forwarding with the mode off is refused and names both fields', async (t) => {
  const given = fresh({ server_url: 'https://mcp.example.com/', forward_user_identity: true })
  for (const identity_mode of [undefined, 'off']) {
    const { status, body } = await asOwner('POST', url, { ...given, identity_mode })
    t.equal(status, 400)
    t.equal(body.code, 'invalid_request')
    t.same(
      body.details.map(({ path }) => path),
      ['forward_user_identity', 'identity_mode']
    )
  }
})

const long = (length: number) => 'a'.repeat(length)
const badInputs: [string, object][] = [
  ['name', { name: undefined }],
  ['name', { name: '' }],
  ['name', { name: '   ' }],
  ['name', { name: long(41) }],
  ['name', { name: 'a\u0000b' }],
  ['name', { name: 5 }],
  ['name', { name: null }],
  ['server_url', { server_url: undefined }],
  ['server_url', { server_url: 'ftp://mcp.example.com/' }],
  ['server_url', { server_url: 'mcp.example.com' }],
  ['server_url', { server_url: 'https://user:pw@mcp.example.com/' }],
  ['server_url', { server_url: 'https://mcp.example.com/#part' }],
  ['server_url', { server_url: 'https://2130706433/mcp' }],
  ['server_url', { server_url: 'https://mcp.example.com/a b' }],
  ['server_url', { server_url: `https://mcp.example.com/${long(2048)}` }],
  ['server_identifier', { server_identifier: undefined }],
  ['server_identifier', { server_identifier: 'Upper' }],
  ['server_identifier', { server_identifier: 'a__b' }],
  ['server_identifier', { server_identifier: '_a' }],
  ['server_identifier', { server_identifier: 'a_' }],
  ['server_identifier', { server_identifier: long(65) }],
  ['headers.bad name', { headers: { 'bad name': 'x' } }],
  ['headers.a\nb', { headers: { 'a\nb': 'x' } }],
  ['headers.X-A', { headers: { 'X-A': 'a\r\nX-B: b' } }],
  ['headers.X-A', { headers: { 'X-A': '' } }],
  ['headers.X-A', { headers: { 'X-A': 5 } }],
  ['headers.x-a', { headers: { 'X-A': 'a', 'x-a': 'b' } }],
  ['headers.Host', { headers: { Host: 'inner.example.com' } }],
  ['headers.Mcp-Session-Id', { headers: { 'Mcp-Session-Id': 'x' } }],
  ['headers', { headers: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`x-${index}`, 'x'])) }],
  ['headers', { headers: [] }],
  ['configuration.timeout', { configuration: { timeout: 0 } }],
  ['configuration.timeout', { configuration: { timeout: 601 } }],
  ['configuration.timeout', { configuration: { timeout: '30' } }],
  ['configuration.sse_read_timeout', { configuration: { sse_read_timeout: 3601 } }],
  ['configuration.retries', { configuration: { retries: 3 } }],
  ['authentication.client_id', { authentication: {} }],
  ['authentication.client_id', { authentication: { client_id: '' } }],
  ['authentication.client_secret', { authentication: { client_id: 'a', client_secret: 5 } }],
  ['forward_user_identity', { forward_user_identity: 'yes' }],
  ['forward_user_identity', { forward_user_identity: null }],
  ['identity_mode', { identity_mode: 'impersonate' }],
  ['identity_mode', { identity_mode: '__proto__' }],
  ['icon_type', { icon_type: 'svg' }],
  ['icon', { icon: long(2049) }],
  ['icon_background', { icon_background: 5 }],
  ['tenant_id', { tenant_id: owner.tenant_id }]
]

t.test('what is wrong with the input is named, and nothing is stored', async (t) => {
  const before = await asOwner('GET', `${url}?limit=200`)
  for (const [path, wrong] of badInputs) {
    const given = { ...fresh({ server_url: 'https://mcp.example.com/' }), ...wrong }
    const { status, body } = await asOwner('POST', url, given)
    const label = `${path} ${JSON.stringify(wrong).slice(0, 80)}`
    t.equal(status, 400, label)
    t.equal(body.code, 'invalid_request', label)
    t.same(
      body.details.map((detail) => detail.path),
      [path],
      label
    )
  }
  t.equal((await asOwner('POST', url, [])).status, 400)
  t.same((await asOwner('GET', `${url}?limit=200`)).body, before.body)
})

t.test('name, identifier and URL are unique in a tenant, and a conflict names which one it is', async (t) => {
  const other = as(await broker.signIn({ role: 'admin' }))
  const taken = { name: 'Taken', server_identifier: 'taken', server_url: `${noting.url}?taken` }
  t.equal((await asOwner('POST', url, taken)).status, 201)
  for (const field of ['name', 'server_identifier', 'server_url'] as const) {
    const given = { ...fresh({ server_url: `${noting.url}?${field}` }), [field]: taken[field] }
    const { status, body } = await asOwner('POST', url, given)
    t.equal(status, 409)
    t.match(body, { code: 'conflict', message: new RegExp(field), details: [{ path: field, message: 'is taken' }] })
  }
  t.equal((await other('POST', url, taken)).status, 201, 'another tenant may have the same')
})

t.test('a create is told to everybody after its commit', async (t) => {
  const heard: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const bus = await openBusAs(t, backends, 'tool-invoker')
  const reader = readFeed(bus, providerChanges, {
    onChange: ({ id }) => {
      heard.push(id)
      resolve()
    },
    onReset: () => {}
  })
  await bus.connection.flush()
  const gate = Promise.withResolvers<void>()
  noting.answer = { ...noting.answer, gate: gate.promise }
  const creating = asOwner('POST', url, fresh({ server_url: `${noting.url}?feed` }))
  await promise
  noting.answer = { status: 200, tools: [{ name: 'noted' }] }
  gate.resolve()
  reader.close()
  t.equal(heard[0], (await creating).body.id, 'before its server answered')
})

t.test('neither the rows nor the log hold a secret in clear', async (t) => {
  const secrets = { header: secret(), client_id: secret(), client_secret: secret(), query: secret(), path: secret() }
  const { status } = await asOwner('POST', url, {
    ...fresh({ server_url: `http://127.0.0.3:1/${secrets.path}?key=${secrets.query}` }),
    headers: { 'X-Key': secrets.header },
    authentication: { client_id: secrets.client_id, client_secret: secrets.client_secret }
  })
  t.equal(status, 201)
  const file = join(backends.directory, 'rows-now.txt')
  await dumpRows(backends.adminDatabaseUrl, file)
  const rows = await readFile(file, 'utf8')
  t.match(rows, /mcp_provider\.provider /)
  for (const [name, value] of Object.entries(secrets)) {
    const spellings = [value, Buffer.from(value).toString('hex')]
    for (const text of spellings) t.notOk(rows.includes(text) || logs.join('').includes(text), name)
  }
})

const soon = () => ({ deadlineAt: Date.now() + 5_000 })
