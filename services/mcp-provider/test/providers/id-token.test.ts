import { listAudiences, type ProviderStatement, resolveProvider } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { openBusAs } from '@onbehalf/testkit/players'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const [one, other] = [await startNotingServer(t), await startNotingServer(t)]
const { as, backends, broker, brokerBus } = await startService(t, { allow: [one.address, other.address] })
const toolInvoker = await openBusAs(t, backends, 'tool-invoker')
const owner = await broker.signIn({ role: 'owner' })
const admin = await broker.signIn({ role: 'admin', tenant_id: owner.tenant_id })
const key = broker.makeApiKey({ tenant_id: owner.tenant_id, scopes: ['providers:write'] })
const given = {
  ...{ name: 'one', server_identifier: 'one', server_url: one.url },
  ...{ forward_user_identity: true, identity_mode: 'idp_token' }
}
const within = () => ({ deadlineAt: Date.now() + 20_000 })
const statement = async (): Promise<ProviderStatement> => {
  const asked = { principal: owner.ticket, server_identifier: 'one' }
  const { ticket } = await call(toolInvoker, resolveProvider, asked, within())
  return JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString()).statement
}
const audiences = async () => {
  const { audiences: all } = await call(brokerBus, listAudiences, { tenant_id: owner.tenant_id }, within())
  return all
}

await t.test('only an owner makes the exception, is warned, and is on record with it', async (t) => {
  const { body: made } = await as(admin)('POST', '/v1/mcp-providers', given)
  t.match(made, { forward_id_token: false, warnings: [] })
  t.notOk((await statement()).forward_id_token)
  const path = `/v1/mcp-providers/${made.id}`
  const asKey = { ...admin, headers: { cookie: '', 'x-csrf-token': '', ...key.headers } }
  for (const who of [admin, asKey]) {
    const refused = await as(who)('PATCH', path, { forward_id_token: true })
    t.match(
      [refused.status, refused.body.code, refused.body.details],
      [403, 'forbidden', [{ path: 'forward_id_token' }]]
    )
  }
  const allowed = await as(owner)('PATCH', path, { forward_id_token: true })
  t.match([allowed.status, allowed.body.forward_id_token], [200, true])
  t.match(allowed.body.warnings, [/audience is our client/])
  t.equal((await statement()).forward_id_token, true)
  t.match(await audiences(), [{ provider_id: made.id, forward_id_token: true }])

  t.equal((await as(admin)('PATCH', path, { name: 'renamed', forward_id_token: true })).status, 200, 'it stays')
  const moved = await as(admin)('PATCH', path, { server_url: other.url })
  t.match([moved.status, moved.body.details], [403, [{ path: 'forward_id_token' }]], 'but not for another server')
  const back = await as(admin)('PATCH', path, { server_url: other.url, forward_id_token: false })
  t.match([back.status, back.body.forward_id_token, back.body.warnings], [200, false, []], 'anybody takes it back')
  t.notOk((await statement()).forward_id_token)

  const { text } = await as(owner)('GET', `/v1/audit/providers?subject_id=${made.id}&action=provider.updated`)
  const events: { actor: { id: string }; details: { forward_id_token?: boolean } }[] = JSON.parse(text).data
  t.same(
    events.map(({ actor, details }) => [actor.id, details.forward_id_token]),
    [
      [admin.user_id, false],
      [admin.user_id, undefined],
      [owner.user_id, true]
    ]
  )
})

await t.test('it is for idp_token alone', async (t) => {
  const rows = [
    { identity_mode: 'signed' },
    { identity_mode: 'token_exchange' },
    { forward_user_identity: false, identity_mode: 'off' }
  ]
  for (const change of rows) {
    const body = { ...given, server_identifier: 'two', name: 'two', forward_id_token: true, ...change }
    const refused = await as(owner)('POST', '/v1/mcp-providers', body)
    t.match([refused.status, refused.body.details], [400, [{ path: 'forward_id_token' }]], JSON.stringify(change))
  }
})
