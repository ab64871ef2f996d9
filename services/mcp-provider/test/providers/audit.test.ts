import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const { as, broker, app } = await startService(t, { allow: [noting.address] })
const url = '/v1/mcp-providers'
const owner = await broker.signIn({ role: 'owner' })
const { tenant_id } = owner

const eventsOf = async (query = '') => {
  const answer = await app.inject({ url: `/v1/audit/providers${query}`, headers: owner.headers })
  return answer.json().data
}

t.test('what was changed of a provider is on record with who did it: names of fields, and no value', async (t) => {
  const given = {
    name: 'Audited',
    server_identifier: 'audited',
    server_url: `${noting.url}/secret-path?key=secret-query`,
    headers: { 'X-Key': 'secret-header' }
  }
  const { body: provider } = await as(owner)('POST', url, given)
  const at = `${url}/${provider.id}`
  await as(owner)('PATCH', at, { name: 'Renamed', headers: { 'X-Key': 'secret-other' } })
  await as(owner)('PATCH', at, { name: 'Renamed' })
  await as(owner)('POST', `${at}/refresh-tools`)
  await as(owner)('DELETE', at)
  await as(owner)('DELETE', at)
  const events = await eventsOf(`?subject_id=${provider.id}`)
  const actor = { kind: 'user', id: owner.user_id }
  const listed = { action: 'provider.tools_refreshed', details: { tools_status: String } }
  t.match(events, [
    { action: 'provider.deleted', actor, subject: { kind: 'provider', id: provider.id } },
    listed,
    listed,
    {
      action: 'provider.updated',
      actor,
      details: { fields: ['name', 'headers'] },
      request_id: String,
      ip: '127.0.0.1'
    },
    listed,
    { action: 'provider.created', actor, details: { fields: ['name', 'server_identifier', 'server_url', 'headers'] } }
  ])
  t.equal(events.length, 6, 'what changed nothing is not on record')
  t.notMatch(JSON.stringify(events), 'secret')
})

t.test('a refused change is not on record', async (t) => {
  const before = await eventsOf()
  t.equal((await as(owner)('POST', url, { name: 'x', server_identifier: 'x', server_url: 'nonsense' })).status, 400)
  t.equal((await as(await broker.signIn({ tenant_id }))('POST', url, {})).status, 403)
  t.same(await eventsOf(), before)
})
