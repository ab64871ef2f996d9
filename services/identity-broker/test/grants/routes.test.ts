import { eventually, openBusAs, playDeviceAuth, until } from '@onbehalf/testkit'
import t from 'tap'
import { listenToChanges, logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
broker.register('http://127.0.0.1:9/mcp', { server_identifier: 'tools' })
const owner = await signInAs(broker, logins.owner)
const user = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')

const send = async (who: SignedIn, method: string, path: string, csrf = who.csrf) => {
  const page = await who.browser.visit(`${broker.publicUrl}${path}`, { method, headers: { 'x-csrf-token': csrf } })
  return { status: page.status, body: page.body === '' ? undefined : JSON.parse(page.body) }
}
const listOf = async (who: SignedIn, query = '') => (await send(who, 'GET', `/v1/grants${query}`)).body.data

await t.test(
  'a member sees their own grants, an administrator the tenant’s, another tenant none of them',
  async (t) => {
    t.same(
      (await listOf(user)).map((one: { user_id: string }) => one.user_id),
      [user.userId]
    )
    t.equal((await listOf(owner)).length, 2)
    t.equal((await listOf(owner, `?user_id=${user.userId}`)).length, 1)
    t.equal((await listOf(user, `?user_id=${owner.userId}`)).length, 1, 'a member cannot ask for others')
    t.ok((await listOf(stranger)).every((one: { user_id: string }) => one.user_id === stranger.userId))
    t.notMatch(JSON.stringify(await listOf(owner)), /refresh_token|token_endpoint/)
  }
)

await t.test('a device token shows its own person the same, until it ends', async (t) => {
  const deviceAuth = await playDeviceAuth(await openBusAs(t, broker.backends, 'device-auth'))
  const { tenantId: tenant_id } = broker
  const token = deviceAuth.makeToken({ tenant_id, user_id: user.userId, role: 'member' })
  const ask = () => fetch(`${broker.publicUrl}/v1/grants`, { headers: token.headers })
  const answer = await ask()
  t.equal(answer.status, 200)
  t.match(await answer.json(), { data: await listOf(user) })
  deviceAuth.revoke(token.token_id)
  await until(async () => (await ask()).status === 401)
  t.equal((await ask()).status, 401)
  await deviceAuth.close()
})

await t.test('a member neither empties nor ends what is stored for another one', async (t) => {
  const second = await signInAs(broker, logins.second)
  const [grant] = await listOf(second)
  for (const path of ['', '/tokens']) t.equal((await send(user, 'DELETE', `/v1/grants/${grant.id}${path}`)).status, 404)
  t.match(await listOf(second), [{ id: grant.id, status: 'live', updated_at: grant.updated_at }])
  t.equal((await send(owner, 'DELETE', `/v1/grants/${grant.id}/tokens`)).status, 204, 'an administrator does')
  t.equal((await send(second, 'DELETE', `/v1/grants/${grant.id}`)).status, 200)
})

await t.test('pages are walked by their cursor', async (t) => {
  const { body: first } = await send(owner, 'GET', '/v1/grants?limit=1')
  const { body: second } = await send(owner, 'GET', `/v1/grants?limit=1&cursor=${first.next_cursor}`)
  const { body: third } = await send(owner, 'GET', `/v1/grants?limit=1&cursor=${second.next_cursor}`)
  t.equal(third.next_cursor, null)
  t.equal(new Set([first, second, third].map(({ data }) => data[0].id)).size, 3)
})

await t.test('emptying and ending are told to everybody, and need the page’s own token', async (t) => {
  const { said } = await listenToChanges(t, broker)
  const [{ id }] = await listOf(user)
  t.equal((await send(user, 'DELETE', `/v1/grants/${id}/tokens`, 'wrong')).status, 403)
  t.equal((await send(stranger, 'DELETE', `/v1/grants/${id}/tokens`)).status, 404)
  t.equal((await send(user, 'DELETE', `/v1/grants/${id}/tokens`)).status, 204)
  const ended = await send(user, 'DELETE', `/v1/grants/${id}`)
  t.match([ended.status, ended.body], [200, { revoked_at_idp: true }])
  t.match((await listOf(user))[0], { status: 'dead', dead_reason: 'revoked' })
  const told = () => said.filter((one) => one === `grant:${id}`).length
  t.equal(await eventually(told, (count) => count >= 2), 2)
  t.equal((await send(owner, 'DELETE', '/v1/grants/not-an-id')).status, 400)
  const { data: events } = (await send(owner, 'GET', `/v1/audit/identity?subject_id=${id}`)).body
  t.same(
    events.map(({ action, actor }: { action: string; actor: { id: string } }) => [action, actor.id]),
    [
      ['grant.revoked', user.userId],
      ['grant.tokens_emptied', user.userId]
    ]
  )
})
