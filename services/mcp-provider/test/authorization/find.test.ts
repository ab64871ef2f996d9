import { createServer } from 'node:http'
import { findAuthorization } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { listen, stopServer } from '@onbehalf/testkit'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { refusalOf, startService } from '../start.ts'

/** Serves documents by their path; what is a number is the status. */
const documents: Record<string, unknown> = {}
const server = createServer((request, response) => {
  const document = documents[request.url ?? ''] ?? 404
  if (typeof document === 'number') return response.writeHead(document).end()
  return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
})
const origin = `http://127.0.0.1:${await listen(server)}`
t.teardown(() => stopServer(server))
const elsewhere = await startNotingServer(t, { host: '127.0.0.2' })
const { as, broker, brokerBus } = await startService(t, { allow: [origin.slice(7)] })
const admin = await broker.signIn({ role: 'admin' })
const send = as(admin)

let count = 0
/** Registers a provider of a server that documents know nothing of yet. */
const register = async (change: object = {}) => {
  count += 1
  const [server_url, issuer] = [`${origin}/mcp-${count}`, `${origin}/as-${count}`]
  const { status, body } = await send('POST', '/v1/mcp-providers', {
    ...{ name: `s${count}`, server_identifier: `s${count}`, server_url },
    ...{ forward_user_identity: true, identity_mode: 'id_jag' },
    authentication: { client_id: 'us', client_secret: 'a secret of this test', issuer },
    ...change
  })
  t.equal(status, 201, JSON.stringify(body))
  documents[`/.well-known/oauth-protected-resource/mcp-${count}`] = resourceOf(server_url, [issuer])
  documents[`/.well-known/oauth-authorization-server/as-${count}`] = { issuer, token_endpoint: `${issuer}/token` }
  return { id: body.id, n: count, server_url, issuer }
}
const resourceOf = (resource: string, authorization_servers: string[]) => ({ resource, authorization_servers })
const find = (provider_id: string, tenant_id = admin.tenant_id) =>
  call(brokerBus, findAuthorization, { tenant_id, provider_id }, { deadlineAt: Date.now() + 20_000 })

await t.test('the authorization server that the server names is found, with our client there', async (t) => {
  const { id, issuer } = await register()
  t.same(await find(id), {
    ...{ issuer, token_endpoint: `${issuer}/token` },
    ...{ client_id: 'us', client_secret: 'a secret of this test', client_authentication: 'basic' }
  })
  const { tenant_id: another } = await broker.signIn()
  t.match(await refusalOf(find(id, another)), { code: 'not_found' })
})

await t.test('each place where metadata may be is looked at, in order', async (t) => {
  const atRoot = await register()
  documents[`/.well-known/oauth-protected-resource/mcp-${atRoot.n}`] = 404
  documents['/.well-known/oauth-protected-resource'] = resourceOf(atRoot.server_url, [atRoot.issuer])
  t.equal((await find(atRoot.id)).issuer, atRoot.issuer)
  const metadata = (issuer: string) => ({ issuer, token_endpoint: `${issuer}/openid` })
  const inserted = await register()
  documents[`/.well-known/oauth-authorization-server/as-${inserted.n}`] = 404
  documents[`/.well-known/openid-configuration/as-${inserted.n}`] = metadata(inserted.issuer)
  t.match(await find(inserted.id), { token_endpoint: /openid$/ })
  const appended = await register()
  documents[`/.well-known/oauth-authorization-server/as-${appended.n}`] = 404
  documents[`/as-${appended.n}/.well-known/openid-configuration`] = metadata(appended.issuer)
  t.match(await find(appended.id), { token_endpoint: /openid$/ })
})

await t.test('how our client authenticates is what the server takes', async (t) => {
  const supported = (methods: string[]) => ({ token_endpoint_auth_methods_supported: methods })
  const rows: [string, object, object, string][] = [
    ['post', {}, supported(['private_key_jwt', 'client_secret_post']), 'post'],
    ['basic first', {}, supported(['client_secret_post', 'client_secret_basic']), 'basic'],
    ['a public client', { client_secret: null }, {}, 'none']
  ]
  for (const [name, credentials, metadata, expected] of rows) {
    const { id, n, issuer } = await register()
    await send('PATCH', `/v1/mcp-providers/${id}`, { authentication: credentials })
    const path = `/.well-known/oauth-authorization-server/as-${n}`
    documents[path] = { issuer, token_endpoint: `${issuer}/token`, ...metadata }
    t.equal((await find(id)).client_authentication, expected, name)
  }
})

await t.test('a server that names another authorization server gets nothing', async (t) => {
  type Given = Awaited<ReturnType<typeof register>>
  const resource = ({ n }: Given) => `/.well-known/oauth-protected-resource/mcp-${n}`
  const metadata = ({ n }: Given) => `/.well-known/oauth-authorization-server/as-${n}`
  const rows: [string, (given: Given) => void, string, RegExp][] = [
    [
      'another one',
      (given) => {
        documents[resource(given)] = resourceOf(given.server_url, ['https://evil.example'])
      },
      'audience_not_supported',
      /does not name/
    ],
    [
      'one that differs by a slash',
      (given) => {
        documents[resource(given)] = resourceOf(given.server_url, [`${given.issuer}/`])
      },
      'audience_not_supported',
      /does not name/
    ],
    [
      'metadata of another resource',
      (given) => {
        documents[resource(given)] = resourceOf(`${origin}/other`, [given.issuer])
      },
      'audience_not_supported',
      /another resource/
    ],
    [
      'an authorization server under another name',
      (given) => {
        documents[metadata(given)] = { issuer: `${given.issuer}/`, token_endpoint: `${origin}/token` }
      },
      'audience_not_supported',
      /another issuer/
    ],
    [
      'a token endpoint that leads inwards',
      (given) => {
        documents[metadata(given)] = { issuer: given.issuer, token_endpoint: elsewhere.url }
      },
      'audience_not_supported',
      /token_endpoint/
    ],
    [
      'a token endpoint in the open',
      (given) => {
        documents[metadata(given)] = { issuer: given.issuer, token_endpoint: 'http://example.com/token' }
      },
      'audience_not_supported',
      /token_endpoint/
    ],
    [
      'no ID-JAGs',
      (given) => {
        const grant_types_supported = ['authorization_code']
        documents[metadata(given)] = { issuer: given.issuer, token_endpoint: `${origin}/t`, grant_types_supported }
      },
      'audience_not_supported',
      /jwt-bearer/
    ],
    [
      'metadata that is none',
      (given) => {
        documents[metadata(given)] = { issuer: given.issuer }
      },
      'audience_not_supported',
      /not as it must be/
    ],
    [
      'no metadata',
      (given) => {
        documents[resource(given)] = 404
        documents['/.well-known/oauth-protected-resource'] = 404
      },
      'audience_not_supported',
      /9728/
    ],
    [
      'a server in trouble',
      (given) => {
        documents[resource(given)] = 503
      },
      'upstream_unavailable',
      /503/
    ]
  ]
  for (const [name, spoil, code, words] of rows) {
    const given = await register()
    spoil(given)
    t.match(await refusalOf(find(given.id)), { code, message: words }, name)
  }
  t.same(elsewhere.seen, [])
})

await t.test('what could not be had is asked for again, and what was had is held', async (t) => {
  const { id, n, server_url, issuer } = await register()
  const path = `/.well-known/oauth-protected-resource/mcp-${n}`
  documents[path] = 500
  t.match(await refusalOf(find(id)), { code: 'upstream_unavailable' })
  documents[path] = resourceOf(server_url, [issuer])
  await find(id)
  documents[path] = 500
  t.equal((await find(id)).issuer, issuer)
})

await t.test('a provider of another mode has no authorization server to ask for', async (t) => {
  const { id } = await register({ identity_mode: 'idp_token' })
  t.match(await refusalOf(find(id)), { code: 'not_found' })
})

await t.test('the issuer is asked for, and a secret stays with the one it was given for', async (t) => {
  const given = { name: 'n', server_identifier: 'n', server_url: `${origin}/n`, forward_user_identity: true }
  const bad: [object | undefined, string][] = [
    [undefined, 'authentication.issuer'],
    [{ client_id: 'us', client_secret: 'x' }, 'authentication.issuer'],
    [{ client_id: 'us', issuer: 'https://as.example/?x' }, 'authentication.issuer'],
    [{ client_id: 'us', issuer: elsewhere.url }, 'authentication.issuer'],
    [{ client_id: 'us', issuer: 'http://example.com' }, 'authentication.issuer'],
    [{ issuer: origin }, 'authentication.client_id']
  ]
  for (const [authentication, path] of bad) {
    const body = { ...given, identity_mode: 'id_jag', ...(authentication ? { authentication } : {}) }
    const refused = await send('POST', '/v1/mcp-providers', body)
    t.match([refused.status, refused.body.details], [400, [{ path }]], JSON.stringify(authentication))
  }
  const { id, issuer } = await register()
  const one = `/v1/mcp-providers/${id}`
  const moved = await send('PATCH', one, { authentication: { issuer: `${origin}/evil` } })
  t.match([moved.status, moved.body.details], [400, [{ path: 'authentication.client_secret' }]])
  t.match((await send('GET', one)).body.authentication, { issuer, client_secret: /\*/ })
  const anew = { client_id: 'us', client_secret: 'a secret for the other', issuer: `${origin}/evil` }
  t.match(await send('PATCH', one, { authentication: anew }), { status: 200 })
})
