import { createServer, type ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { listen, stopServer } from '@onbehalf/testkit'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

type Respond = (response: ServerResponse) => unknown

/** An MCP server and its authorization server in one, at a listed address: what it says is the test's. */
const answers = new Map<string, Respond>()
const seen: { path: string; authorization: string | undefined }[] = []
const server = createServer((request, response) => {
  const path = request.url ?? ''
  seen.push({ path, authorization: request.headers.authorization })
  const answer = answers.get(path)
  return answer ? answer(response) : response.writeHead(path === '/mcp' ? 401 : 404).end()
})
const host = `127.0.0.2:${await listen(server, 0, '127.0.0.2')}`
t.teardown(() => stopServer(server))
const origin = `http://${host}`
/** Somebody else's server, at a listed address as well: its metadata, genuine and for its whole origin, is anybody's to read. */
const good = createServer((request, response) => {
  const documents: Record<string, object> = {
    '/.well-known/oauth-protected-resource': { resource: goodOrigin, authorization_servers: [goodOrigin] },
    '/.well-known/oauth-authorization-server': {
      issuer: goodOrigin,
      ...{ token_endpoint: `${goodOrigin}/token`, authorization_endpoint: `${goodOrigin}/authorize` },
      code_challenge_methods_supported: ['S256']
    }
  }
  const document = documents[request.url ?? '']
  return document ? says(document)(response) : response.writeHead(404).end()
})
const goodHost = `127.0.0.2:${await listen(good, 0, '127.0.0.2')}`
t.teardown(() => stopServer(good))
const goodOrigin = `http://${goodHost}`
/** An address of the inner network: nobody may be led there. */
const inner = await startNotingServer(t, { host: '127.0.0.3' })
const { as, broker } = await startService(t, { allow: [host, goodHost] })
const admin = await broker.signIn({ role: 'admin' })
const send = as(admin)

const says =
  (document: object): Respond =>
  (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
const resource = '/.well-known/oauth-protected-resource/mcp'
const metadata = '/.well-known/oauth-authorization-server'
const endpoints = {
  token_endpoint: `${origin}/token`,
  authorization_endpoint: `${origin}/authorize`,
  registration_endpoint: `${origin}/register`,
  code_challenge_methods_supported: ['S256']
}
const wellBehaved = () => {
  answers.clear()
  answers.set(resource, says({ resource: `${origin}/mcp`, authorization_servers: [origin] }))
  answers.set(metadata, says({ issuer: origin, ...endpoints }))
  answers.set('/register', says({ client_id: 'a client of this test' }))
}
wellBehaved()
const { body: provider } = await send('POST', '/v1/mcp-providers', {
  ...{ name: 'hostile', server_identifier: 'hostile', server_url: `${origin}/mcp` },
  authentication: { client_id: 'ours', client_secret: 'a secret that was given for one server' }
})
const authorize = () => send('POST', `/v1/mcp-providers/${provider.id}/authorize`)

t.test('a server that behaves is authorized at', async (t) => {
  const { status, text } = await authorize()
  t.equal(status, 200, text)
  t.match(text, /code_challenge/)
})

t.test('no document leads to the inner network, and nothing of ours goes there', async (t) => {
  const server_of = (change: object) => says({ issuer: origin, ...endpoints, ...change })
  const redirect =
    (location: string): Respond =>
    (response) =>
      response.writeHead(302, { location }).end()
  const hostile: [string, string, Respond][] = [
    [
      'the place of the metadata',
      '/mcp',
      (response) => response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${inner.url}"` }).end()
    ],
    [
      "the metadata of another server's whole origin, whose tokens it would be given",
      '/mcp',
      (response) => {
        const place = `${goodOrigin}/.well-known/oauth-protected-resource`
        response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${place}"` }).end()
      }
    ],
    ['the authorization server', resource, says({ resource: `${origin}/mcp`, authorization_servers: [inner.url] })],
    ['a decimal address', resource, says({ resource: `${origin}/mcp`, authorization_servers: ['http://2130706435/'] })],
    [
      'a mapped address',
      resource,
      says({ resource: `${origin}/mcp`, authorization_servers: ['http://[::ffff:127.0.0.3]/'] })
    ],
    ['the token endpoint', metadata, server_of({ token_endpoint: inner.url })],
    ['the authorization endpoint', metadata, server_of({ authorization_endpoint: inner.url })],
    ['a redirect of the metadata', resource, redirect('http://169.254.169.254/latest/meta-data')],
    ['a redirect to another origin', metadata, redirect(inner.url)],
    ['no PKCE', metadata, server_of({ code_challenge_methods_supported: ['plain'] })],
    ['another issuer', metadata, server_of({ issuer: `${origin}/` })],
    ['another resource', resource, says({ resource: 'https://evil.example/mcp', authorization_servers: [origin] })]
  ]
  for (const [name, path, answer] of hostile) {
    wellBehaved()
    answers.set(path, answer)
    const { status, text } = await authorize()
    t.ok(status >= 400 && status < 600 && status !== 500, `${name}: ${status} ${text}`)
    t.notMatch(text, /a secret that was given/, name)
    t.notMatch(text, goodOrigin, name)
  }
  t.same(inner.seen, [], 'the inner server saw nothing')
})

t.test('a document without end, and one that unpacks without end, are given up', async (t) => {
  const endless: Respond = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const chunk = Buffer.alloc(64 * 1024, 0x20)
    const more = () => {
      while (!response.destroyed && response.write(chunk)) {}
    }
    response.on('drain', more)
    more()
  }
  const bomb: Respond = (response) =>
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      .end(gzipSync(Buffer.alloc(32 * 1024 * 1024, 0x20)))
  for (const [path, answer] of [
    [resource, endless],
    [metadata, bomb]
  ] as const) {
    wellBehaved()
    answers.set(path, answer)
    t.equal((await authorize()).status, 502, path)
  }
})

t.test('the secret of a client goes to the token endpoint of its own authorization server only', async (t) => {
  wellBehaved()
  t.same(
    seen.filter(({ authorization }) => authorization !== undefined),
    [],
    'it was shown to nobody: no code was brought back'
  )
})
