import { randomUUID } from 'node:crypto'
import { subjectOf } from '@onbehalf/testkit/players'
import t from 'tap'
import { startStage } from '../stage.ts'

const { app, call, broker, providers, devices, recording, whoami } = await startStage(t)

const register = (tenant_id: string, mode: 'off' | 'idp_token', server: { url: string } = recording) =>
  providers.register({ tenant_id, server_url: server.url, mode })

t.test('a session and a device token act for their own user only', async (t) => {
  const { tenant_id, user_id, headers } = await broker.signIn()
  const colleague = await broker.signIn({ tenant_id })
  const device = devices.makeToken({ tenant_id })
  const { server_identifier } = register(tenant_id, 'idp_token')
  const before = recording.requests().length
  for (const who of [headers, device.headers]) {
    const { status, body } = await call(who, { server_identifier, tool: 'x', user_id: colleague.user_id })
    t.match({ status, code: body.code }, { status: 403, code: 'policy_denied' })
  }
  const { body } = await call(headers, { server_identifier, tool: 'x', app_id: randomUUID() })
  t.equal(body.code, 'policy_denied', 'nor for an app')
  t.equal(recording.requests().length, before)
  t.equal((await call(headers, { server_identifier, tool: 'x', user_id })).status, 200, 'naming oneself is fine')
})

t.test('a session without its csrf token makes no call', async (t) => {
  const { tenant_id, cookie } = await broker.signIn()
  const { server_identifier } = register(tenant_id, 'off')
  const { body } = await call({ cookie }, { server_identifier, tool: 'x' })
  t.equal(body.code, 'csrf_rejected')
})

t.test('an app calls as the user it may act for, and nobody else', async (t) => {
  const { tenant_id, user_id } = await broker.signIn()
  const stranger = await broker.signIn({ tenant_id })
  const app = broker.makeApiKey({ tenant_id, actsFor: [user_id] })
  const { server_identifier } = register(tenant_id, 'idp_token', whoami)
  const before = whoami.log().length
  const mine = await call(app.headers, { server_identifier, tool: 'whoami', user_id, app_id: app.app_id })
  t.match(mine.body, { result: { structuredContent: { subject: subjectOf(user_id) } }, identity: { user_id } })

  const refused = await call(app.headers, { server_identifier, tool: 'whoami', user_id: stranger.user_id })
  t.match({ status: refused.status, code: refused.body.code }, { status: 403, code: 'policy_denied' })
  const otherApp = await call(app.headers, { server_identifier, tool: 'whoami', user_id, app_id: randomUUID() })
  t.match({ status: otherApp.status, code: otherApp.body.code }, { status: 403, code: 'policy_denied' })
  t.equal(whoami.log().length, before + 1)
})

t.test('an app without a user is told that one is required, where identity is forwarded', async (t) => {
  const app = broker.makeApiKey()
  const before = recording.requests().length
  const { server_identifier } = register(app.tenant_id, 'idp_token')
  const { status, body } = await call(app.headers, { server_identifier, tool: 'x' })
  t.match({ status, body }, { status: 400, body: { code: 'user_required', details: [{ path: 'user_id' }] } })
  t.equal(recording.requests().length, before)

  const plain = register(app.tenant_id, 'off')
  const { body: made } = await call(app.headers, { server_identifier: plain.server_identifier, tool: 'x' })
  t.equal(made.identity, null)
})

t.test("an unknown provider and another tenant's are the same 404", async (t) => {
  const one = await broker.signIn()
  const other = await broker.signIn()
  const { server_identifier } = register(one.tenant_id, 'off')
  t.equal((await call(one.headers, { server_identifier, tool: 'x' })).status, 200)
  const theirs = await call(other.headers, { server_identifier, tool: 'x' })
  const none = await call(other.headers, { server_identifier: 'no-such-server', tool: 'x' })
  for (const { status, body } of [theirs, none])
    t.match({ status, code: body.code }, { status: 404, code: 'not_found' })
})

t.test('two tenants with the same identifier never get the other server', async (t) => {
  const one = await broker.signIn()
  const other = await broker.signIn()
  const server_identifier = 'same'
  for (const { tenant_id } of [one, other])
    providers.register({ tenant_id, server_url: `${recording.url}?${tenant_id}`, server_identifier, mode: 'idp_token' })
  for (const user of [one, other, one, other]) {
    const { body } = await call(user.headers, { server_identifier, tool: 'x' })
    t.match(body.identity, { user_id: user.user_id, audience: `${recording.url}?${user.tenant_id}` })
  }
})

t.test('a caller without a credential, or with one that does not hold, is 401', async (t) => {
  const wrong = [{}, { authorization: `Bearer obk_${'x'.repeat(43)}` }, { authorization: 'Basic eDp5' }]
  for (const headers of wrong) {
    const { status, headers: told } = await call(headers, { server_identifier: 'a', tool: 'x' })
    t.match({ status, challenge: told['www-authenticate'] }, { status: 401, challenge: 'Bearer' })
  }
})

t.test('a malformed body is 400 and names the field', async (t) => {
  const { headers } = await broker.signIn()
  const fine = { server_identifier: 'a', tool: 'x' }
  const faults: [Record<string, unknown>, string][] = [
    [{ tool: 'x' }, 'server_identifier'],
    [{ ...fine, server_identifier: 'A__b' }, 'server_identifier'],
    [{ ...fine, tool: '' }, 'tool'],
    [{ ...fine, tool: 'a\u0000b' }, 'tool'],
    [{ ...fine, arguments: 'no' }, 'arguments'],
    [{ ...fine, arguments: [] }, 'arguments'],
    [{ ...fine, user_id: '' }, 'user_id'],
    [{ ...fine, timeout_ms: 0 }, 'timeout_ms'],
    [{ ...fine, timeout_ms: '5' }, 'timeout_ms'],
    [{ ...fine, audience: 'x' }, 'audience']
  ]
  for (const [body, path] of faults) {
    const answer = await call(headers, body)
    t.match(answer, { status: 400, body: { code: 'invalid_request', details: [{ path }] } }, path)
  }
  const text = await app.inject({
    method: 'POST',
    url: '/v1/tools/call',
    headers: { ...headers, 'content-type': 'application/json' },
    payload: '{"server_identifier":'
  })
  t.equal(text.json().code, 'invalid_request')
})

t.test('arguments nested too deep are 422, not a crash', async (t) => {
  const { headers } = await broker.signIn()
  const payload = `{"server_identifier":"a","tool":"x","arguments":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/tools/call',
    headers: { ...headers, 'content-type': 'application/json' },
    payload
  })
  t.match({ status: answer.statusCode, body: answer.json() }, { status: 422, body: { code: 'invalid_arguments' } })
})

t.test("an external user's token calls, and opens nothing else", async (t) => {
  const { tenant_id, headers } = devices.makeToken({ role: null })
  const { server_identifier } = register(tenant_id, 'off')
  t.equal((await call(headers, { server_identifier, tool: 'x' })).status, 200, 'where mcp-provider lets it')
  const others = app.routeTable.filter(
    ({ access, url }) =>
      typeof access === 'object' &&
      access.credentials.includes('bearer') &&
      !access.isForExternals &&
      !url.includes(':')
  )
  t.ok(others.length > 0)
  for (const { url, method } of others) {
    const { statusCode } = await app.inject({ url, method: method === 'POST' ? 'POST' : 'GET', headers })
    if (method === 'POST' || method === 'GET') t.equal(statusCode, 403, `${method} ${url}`)
  }
})
