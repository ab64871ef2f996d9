import { randomBytes } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { createServer, type ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { createEgress } from '@onbehalf/egress'
import { listen, recordSecrets, startDns, stopServer } from '@onbehalf/testkit'
import t from 'tap'
import { openMcpLister } from '../../src/tools/mcp-lister.ts'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

type Respond = (response: ServerResponse) => unknown

/** A server at a listed address, which answers as its path says. */
const answers = new Map<string, Respond>()
const hostile = createServer((request, response) => {
  response.on('error', () => undefined)
  const answer = answers.get(request.url ?? '')
  return answer ? answer(response) : response.writeHead(404).end()
})
const port = await listen(hostile, 0, '127.0.0.2')
t.teardown(() => stopServer(hostile))
const origin = `http://127.0.0.2:${port}`
/** Another one that may be called, and the inner network, which may not. */
const other = await startNotingServer(t, { host: '127.0.0.2' })
const inner = await startNotingServer(t, { host: '127.0.0.3' })
const { as, broker } = await startService(t, { allow: [`127.0.0.2:${port}`, other.address] })
const owner = await broker.signIn({ role: 'owner' })
const key = randomBytes(18).toString('base64url')
recordSecrets([key])
const headers = { 'X-Key': key }
const url = '/v1/mcp-providers'
const attempt = (server_url: string, more: object = {}) =>
  as(owner)('POST', `${url}/test`, { server_url, headers, ...more })

const redirect =
  (location: string): Respond =>
  (response) =>
    response.writeHead(307, { location }).end()
const json = { 'content-type': 'application/json' }
const endless: Respond = (response) => {
  response.writeHead(200, json)
  const piece = Buffer.alloc(64 * 1024, 0x20)
  const more = () => {
    while (!response.destroyed && response.write(piece)) {}
  }
  response.on('drain', more)
  more()
}
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))

const behaviours: Record<string, [Respond, RegExp, object?]> = {
  'a redirect to the metadata of a cloud': [redirect('http://169.254.169.254/latest/meta-data'), /redirects/],
  'a redirect to the inner network': [redirect(inner.url), /redirects/],
  'a redirect to another server': [redirect(other.url), /redirects/],
  'a redirect to a file': [redirect('file:///etc/passwd'), /redirects/],
  'a body without end': [endless, /larger than|more than/],
  'a body that never ends coming': [
    (response) => response.writeHead(200, json).write('{"jsonrpc":'),
    /in time/,
    { configuration: { timeout: 1, sse_read_timeout: 1 } }
  ],
  'no answer': [() => undefined, /in time/, { configuration: { timeout: 1 } }],
  'a bomb': [
    (response) => response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(bomb),
    /larger than|more than/
  ]
}

t.test('a hostile server is given up, and nothing of ours goes anywhere else', async (t) => {
  for (const [name, [respond, reason, more]] of Object.entries(behaviours)) {
    answers.set('/mcp', respond)
    const { status, body, text } = await attempt(`${origin}/mcp`, more)
    t.match({ status, body }, { status: 200, body: { tools_status: 'unreachable', tools_error: reason } }, name)
    t.notMatch(text, key)
  }
  t.same([inner.seen, other.seen], [[], []])
})

t.test('an address in disguise is no way into the inner network', async (t) => {
  const innerPort = inner.address.split(':')[1]
  for (const host of ['2130706435', '0x7f000003', '0177.0.0.3', '127.3', '①27.0.0.3'])
    t.match(
      await attempt(`http://${host}:${innerPort}/mcp`),
      { status: 400, body: { details: [{ path: 'server_url' }] } },
      host
    )
  for (const host of ['127.0.0.3', '[::ffff:127.0.0.3]', '[::ffff:7f00:3]', '[::7f00:3]', 'localhost']) {
    const { body } = await attempt(`http://${host}:${innerPort}/mcp`)
    t.match(body, { tools_status: 'unreachable', tools_error: /EGRESS_ALLOW|https/ }, host)
    // Without a credential it is the address alone that refuses it.
    const bare = await attempt(`http://${host}:${innerPort}/mcp`, { headers: {} })
    t.match(bare.body, { tools_status: 'unreachable', tools_error: /EGRESS_ALLOW/ }, host)
  }
  t.same(inner.seen, [])
})

t.test('an icon is somebody else’s to fetch', async (t) => {
  const icon = { icon: `${inner.url}/icon.png`, icon_type: 'image' }
  const given = { name: 'Icon', server_identifier: 'icon', server_url: other.url, ...icon }
  const { status, body } = await as(owner)('POST', url, given)
  t.match({ status, body }, { status: 201, body: { tools_status: 'fresh', ...icon } })
  await as(owner)('GET', '/console/api/workspaces/current/tools/mcp')
  t.same(inner.seen, [])
})

t.test('no key set, logo or policy that an authorization server names is fetched', async (t) => {
  const says =
    (document: object, status = 200): Respond =>
    (response) =>
      response.writeHead(status, json).end(JSON.stringify(document))
  const inward = Object.fromEntries(
    ['jwks_uri', 'logo_uri', 'client_uri', 'policy_uri', 'tos_uri', 'op_policy_uri', 'service_documentation'].map(
      (name) => [name, `${inner.url}/${name}`]
    )
  )
  answers.set('/closed', (response) => response.writeHead(401).end())
  answers.set(
    '/.well-known/oauth-protected-resource/closed',
    says({ resource: `${origin}/closed`, authorization_servers: [origin], ...inward })
  )
  const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` }
  const methods = { code_challenge_methods_supported: ['S256'], client_id_metadata_document_supported: true }
  answers.set(
    '/.well-known/oauth-authorization-server',
    says({ issuer: origin, ...endpoints, registration_endpoint: `${origin}/register`, ...methods, ...inward })
  )
  answers.set('/register', says({ client_id: 'a client', redirect_uris: [inner.url], ...inward }, 201))
  const given = { name: 'Closed', server_identifier: 'closed', server_url: `${origin}/closed` }
  const { body } = await as(owner)('POST', url, given)
  const begun = await as(owner)('POST', `${url}/${body.id}/authorize`)
  t.equal(begun.status, 200, begun.text)
  t.match(begun.text, `${origin}/authorize`)
  t.same(inner.seen, [])
})

t.test('a name that leads elsewhere than when it was checked is not followed', async (t) => {
  const dns = await startDns()
  t.teardown(dns.stop)
  // Asked once, and not again because an answer is late.
  const resolver = new Resolver({ timeout: 60_000, tries: 1 })
  resolver.setServers([dns.address])
  const egress = createEgress({
    allow: [other.address, `127.0.0.2:${inner.address.split(':')[1]}`].join(','),
    lookup: (hostname) => resolver.resolve4(hostname)
  })
  const lister = openMcpLister(egress)
  t.teardown(async () => {
    await lister.close()
    await egress.close(0)
  })
  const at = (server: { address: string }) => `http://moving.example:${server.address.split(':')[1]}/mcp`
  const list = (server: { address: string }) =>
    lister.list({ url: at(server), headers: {}, timeoutMs: 10_000 }, { carriesCredential: false })
  const ask = { method: 'POST', body: JSON.stringify({ id: 1, method: 'tools/list' }), carriesCredential: false }
  dns.set('moving.example', { addresses: [['127.0.0.2'], ['127.0.0.3']] })
  t.equal((await egress.request(at(other), ask)).status, 200)
  t.equal(dns.asked.length, 1, 'it is asked for once, to be checked and called')
  await t.rejects(list(inner), { code: 'policy_denied' }, 'from one call to the next')
  dns.set('moving.example', { addresses: [['127.0.0.2'], ['127.0.0.3']] })
  await t.resolves(egress.checkReachable(at(inner)))
  await t.rejects(list(inner), { code: 'policy_denied' }, 'from when it was stored to the call')
  dns.set('moving.example', { addresses: [['127.0.0.2', '127.0.0.3']] })
  await t.rejects(list(inner), { code: 'policy_denied' }, 'one inner address among them')
  t.same(inner.seen, [])
})
