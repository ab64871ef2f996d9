import t from 'tap'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

// Tokens that end so soon that nobody is given a kept one: every question is another refresh, and whoever refreshed
// last remembers at which generation.
const broker = await startBroker(t, { accessTokenSeconds: 20 })
const there = await broker.addReplica()
const audience = 'http://127.0.0.1:9/mcp'
broker.register(audience, { server_identifier: 'tools' })

const mint = async (whose: SignedIn, replica: Pick<typeof broker, 'inner'> = broker, server = audience) => {
  const response = await replica.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers: { 'enterprise-api-secret-key': broker.secret },
    payload: { user_id: whose.userId, tenant_id: broker.tenantId, app_id: '', audience: server }
  })
  const { token = '', code } = response.json()
  return { status: response.statusCode, code, token }
}
const visit = (whose: SignedIn, path: string, method = 'GET') =>
  whose.browser.visit(`${broker.publicUrl}${path}`, { method, headers: { 'x-csrf-token': whose.csrf } })
const grantOf = async (whose: SignedIn) => JSON.parse((await visit(whose, '/v1/grants')).body).data[0]
const shownBy = (login: string) => {
  const shown = broker.idp.presentations().filter(({ sub }) => sub === login)
  return { times: shown.length, tokens: new Set(shown.map(({ token }) => token)).size }
}
const minted = { status: 200 }
const refused = { status: 401, code: 'identity_refresh_rejected' }

await t.test('each refresh presents what the one before stored, whichever replica that was', async (t) => {
  const user = await signInAs(broker, logins.user)
  const tokens = new Set<string>()
  for (const replica of [broker, broker, there, there, broker, there, broker]) {
    const { status, token } = await mint(user, replica)
    t.equal(status, 200)
    tokens.add(token)
  }
  t.equal(tokens.size, 7)
  t.same(shownBy(logins.user), { times: 7, tokens: 7 })
})

await t.test('two replicas that remember the same generation refresh one after the other', async (t) => {
  const user = await signInAs(broker, logins.user)
  const before = shownBy(logins.user).times
  for (let round = 0; round < 4; round += 1) {
    const both = await Promise.all([mint(user), mint(user, there)])
    t.match(both, [minted, minted])
  }
  const { times, tokens } = shownBy(logins.user)
  t.equal(times - before, 8)
  t.equal(tokens, times, 'and none is presented twice')
})

await t.test('what is remembered gives way to a revocation and to a new sign-in', async (t) => {
  const user = await signInAs(broker, logins.second)
  t.match(await mint(user), minted)
  t.equal((await visit(user, `/v1/grants/${(await grantOf(user)).id}`, 'DELETE')).status, 200)
  t.match(await mint(user), refused)
  t.match(await mint(user), refused)
  const again = await signInAs(broker, logins.second)
  t.match(await mint(again), minted)
  t.match(await mint(again), minted)
})

await t.test('a grant that a sign-in for more servers took the place of is not missed', async (t) => {
  const user = await signInAs(broker, logins.second)
  t.match(await mint(user), minted)
  const { id } = await grantOf(user)
  const more = 'http://127.0.0.1:9/more'
  broker.register(more, { server_identifier: 'more' })
  const again = await signInAs(broker, logins.second)
  t.not((await grantOf(again)).id, id)
  t.match(await mint(again), minted)
  t.match(await mint(again, there, more), minted)
  t.match(await mint(again), minted, 'also where it was refreshed for another server meanwhile')
})
