import { withDatabase } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import { Client } from 'pg'
import t from 'tap'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const there = await broker.addReplica()
const audience = 'http://127.0.0.1:9/mcp'
broker.register(audience, { server_identifier: 'tools' })
const [user, second] = [await signInAs(broker, logins.user), await signInAs(broker, logins.second)]
const name = new URL(broker.backends.adminDatabaseUrl).pathname.slice(1)
const database = new Client({ connectionString: withDatabase(broker.backends.adminDatabaseUrl, name) })
await database.connect()
t.teardown(() => database.end())

const mint = async (whose: SignedIn, replica: Pick<typeof broker, 'inner'> = broker) => {
  const response = await replica.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers: { 'enterprise-api-secret-key': broker.secret },
    payload: { user_id: whose.userId, tenant_id: broker.tenantId, app_id: '', audience }
  })
  const { token = '', code } = response.json()
  return { status: response.statusCode, code, token }
}
const refreshesOf = (login: string) => broker.idp.log().refreshes_by_user[login] ?? 0
const grantOf = async (whose: SignedIn): Promise<string> => {
  const { rows } = await database.query('select id from identity_broker."grant" where user_id = $1', [whose.userId])
  return rows[0].id
}
const send = async (whose: SignedIn, method: string, path: string) => {
  const headers = { 'x-csrf-token': whose.csrf }
  const { status } = await whose.browser.visit(`${broker.publicUrl}${path}`, { method, headers })
  return status
}
const forgetRows = () => database.query('delete from identity_broker.minted_token')

await t.test('what one replica fetched, it and every other give out without asking Postgres', async (t) => {
  const { token } = await mint(user)
  await forgetRows()
  t.equal((await mint(user)).token, token)
  t.equal((await mint(user, there)).token, token)
  t.equal(refreshesOf(logins.user), 1)
  const { token: theirs } = await mint(second, there)
  t.equal(decodeJwt(theirs).sub, logins.second, "another user's is another one")
})

await t.test('once an emptying is answered, no replica gives out what was held', async (t) => {
  const id = await grantOf(user)
  for (let round = 0; round < 5; round += 1) {
    const { token } = await mint(user)
    t.equal((await mint(user, there)).token, token)
    t.equal(await send(user, 'DELETE', `/v1/grants/${id}/tokens`), 204)
    const [one, other] = await Promise.all([mint(user, there), mint(user)])
    t.not(one.token, token)
    t.equal(other.token, one.token)
  }
})

await t.test('once a revocation is answered, no replica mints', async (t) => {
  await mint(second)
  await mint(second, there)
  t.equal(await send(second, 'DELETE', `/v1/grants/${await grantOf(second)}`), 200)
  t.same(await Promise.all([mint(second), mint(second, there)]), [
    { status: 401, code: 'identity_refresh_rejected', token: '' },
    { status: 401, code: 'identity_refresh_rejected', token: '' }
  ])
})

await t.test('a new sign-in replaces what was held', async (t) => {
  await mint(user, there)
  const before = refreshesOf(logins.user)
  const again = await signInAs(broker, logins.user)
  t.equal(decodeJwt((await mint(again, there)).token).sub, logins.user)
  t.equal(refreshesOf(logins.user) - before, 1, 'with the new refresh token')
})

await t.test('without Redis minting goes on, with Postgres between the replicas', async (t) => {
  await broker.backends.redis.stop()
  t.equal(await send(user, 'DELETE', `/v1/grants/${await grantOf(user)}/tokens`), 204)
  const before = refreshesOf(logins.user)
  const { token, status } = await mint(user)
  t.equal(status, 200)
  t.equal((await mint(user, there)).token, token)
  t.equal(refreshesOf(logins.user) - before, 1)
})
