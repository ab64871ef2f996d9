import { decodeJwt } from 'jose'
import t from 'tap'
import { apiOf } from '../api.ts'
import { logins, signInAs, startBroker } from '../start.ts'

const users = [{ sub: 'eve', email: 'eve@elsewhere.test', email_verified: true, name: 'Eve' }]
const broker = await startBroker(t, { users })
const { register } = broker
const open = register('https://open.example/mcp', { server_identifier: 'open', external: true })
const closed = register('https://closed.example/mcp', { server_identifier: 'closed' })
const signed = register('https://signed.example/mcp', { server_identifier: 'signed', mode: 'signed' })
const off = register('https://own.example/mcp/off', { server_identifier: 'off', mode: 'off' })
const [eve, ann, owner] = [
  await signInAs(broker, 'eve'),
  await signInAs(broker, logins.user),
  await signInAs(broker, logins.owner)
]

const ask = async (user_id: string, audience: string) => {
  const response = await broker.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers: { 'enterprise-api-secret-key': broker.secret },
    payload: { user_id, tenant_id: broker.tenantId, audience }
  })
  return { status: response.statusCode, body: response.json() }
}
const refused = {
  status: 403,
  body: { code: 'policy_denied', details: [{ path: 'user_id', message: 'is no member' }] }
}

await t.test('somebody external gets tokens for what is marked for external users, and for nothing else', async (t) => {
  const answer = await ask(eve.userId, open.audience)
  t.equal(answer.status, 200)
  t.match(decodeJwt(answer.body.token), { sub: 'eve', aud: open.audience })
  const before = broker.idp.log().by_grant_type
  for (const { audience, server_identifier } of [closed, signed, off])
    t.match(await ask(eve.userId, audience), refused, server_identifier)
  t.match(await ask(eve.userId, `${off.audience}/`), refused, 'nor by a pattern, for the slash at its end')
  t.same(broker.idp.log().by_grant_type, before, 'and no IdP is asked')
})

await t.test('members get them for both', async (t) => {
  for (const { audience } of [open, closed, signed]) t.match(await ask(ann.userId, audience), { status: 200 }, audience)
})

await t.test('what is registered nowhere is for whomever the pattern of the tenant lets ask', async (t) => {
  t.match(await ask(eve.userId, 'https://own.example/mcp/two'), {
    status: 428,
    body: { code: 'resource_not_granted' }
  })
})

await t.test('where two providers share an audience, one that is marked is enough', async (t) => {
  const twin = register('https://twin.example/mcp', { audience: closed.audience, external: true })
  t.match(await ask(eve.userId, closed.audience), { status: 200 })
  broker.mcpProvider.remove(twin.provider_id)
  t.match(await ask(eve.userId, closed.audience), refused)
})

await t.test('a mark that is set or taken back, and a role that is taken, hold with the next question', async (t) => {
  broker.mcpProvider.hide(closed.provider_id, { external: true })
  t.match(await ask(eve.userId, closed.audience), { status: 200 })
  broker.mcpProvider.hide(closed.provider_id, { external: false })
  t.match(await ask(eve.userId, closed.audience), refused, 'although a token for it is kept')
  const { status } = await apiOf(broker)(owner, 'DELETE', `/v1/members/${ann.userId}`)
  t.equal(status, 204)
  t.match(await ask(ann.userId, closed.audience), refused)
  t.match(await ask(ann.userId, open.audience), { status: 200 })
})

await t.test('a replica of mcp-provider that does not tell yet leaves it as it was', async (t) => {
  broker.mcpProvider.hide(closed.provider_id, { external: null })
  t.match(await ask(eve.userId, closed.audience), { status: 200 })
})
