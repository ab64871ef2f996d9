import t from 'tap'
import { logins, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const audience = 'http://127.0.0.1:9/mcp'
broker.register(audience, { server_identifier: 'tools' })
const user = await signInAs(broker, logins.user)

const ask = async (body: Record<string, unknown>, secret: string | undefined = broker.secret) => {
  const response = await broker.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers: secret === undefined ? {} : { 'enterprise-api-secret-key': secret },
    payload: body
  })
  return { status: response.statusCode, body: response.json(), headers: response.headers }
}
const asked = { user_id: user.userId, tenant_id: broker.tenantId, app_id: '', audience }

await t.test('a token comes back with a whole number of seconds as its end', async (t) => {
  const { status, body } = await ask({ ...asked, user_type: 'account' })
  t.equal(status, 200)
  t.same(Object.keys(body).sort(), ['expires_at', 'token'])
  t.ok(Number.isInteger(body.expires_at) && body.expires_at > Date.now() / 1000)
})

await t.test('without the right secret there is nothing here', async (t) => {
  for (const secret of [undefined, '', 'x'.repeat(43), broker.secret.slice(0, -1), `${broker.secret} `.repeat(2)]) {
    const response = await broker.inner.inject({
      method: 'POST',
      url: '/inner/api/mcp/issue-token',
      headers: secret === undefined ? {} : { 'enterprise-api-secret-key': secret },
      payload: asked
    })
    t.match([response.statusCode, response.json().code], [404, 'not_found'])
  }
})

await t.test('every refusal has its own status and word', async (t) => {
  const absent = broker.userIds[logins.absent]
  const rows: [string, Record<string, unknown>, number, string][] = [
    ['another tenant', { tenant_id: broker.otherTenantId }, 403, 'policy_denied'],
    ['an audience nobody registered', { audience: 'https://evil.example/mcp' }, 403, 'audience_not_allowed'],
    ['a trailing slash makes another audience', { audience: `${audience}/` }, 403, 'audience_not_allowed'],
    ['who never signed in', { user_id: absent }, 428, 'no_refresh_token'],
    ['a user nobody knows', { user_id: 'not-ours' }, 428, 'no_refresh_token'],
    ['a pattern of the installation', { audience: 'https://own.example/mcp/one' }, 428, 'resource_not_granted'],
    ['no audience', { audience: undefined }, 400, 'invalid_request']
  ]
  for (const [name, change, status, code] of rows) {
    const answer = await ask({ ...asked, ...change })
    t.match([answer.status, answer.body.code], [status, code], name)
    if (status === 428) t.match(answer.body.connect_url, `${broker.publicUrl}/connect?tenant=`)
  }
})

await t.test('what the IdP rejects is 401, and an IdP that is away 503 with Retry-After', async (t) => {
  const second = await signInAs(broker, logins.second)
  broker.idp.controls.failTokenEndpoint('503', 1)
  const away = await ask({ ...asked, user_id: second.userId })
  t.match([away.status, away.body.code], [503, 'identity_provider_unavailable'])
  t.ok(Number(away.headers['retry-after']) > 0)
  const owner = await signInAs(broker, logins.owner)
  broker.idp.revokeGrantsOf(logins.owner)
  const rejected = await ask({ ...asked, user_id: owner.userId })
  t.match([rejected.status, rejected.body.code], [401, 'identity_refresh_rejected'])
})
