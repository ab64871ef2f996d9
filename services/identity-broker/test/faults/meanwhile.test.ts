import { issueToken } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { until } from '@onbehalf/testkit'
import t from 'tap'
import { breaches, canRefresh } from './invariants.ts'
import { audience } from './processes.ts'
import { startWorld } from './world.ts'

const world = await startWorld(t)
const { api, backends, bus, idp, mcpProvider, owner, three, person, ask, grantOf, presentationsOf, whole } = world

t.test('300 callers at once for one user, at three processes: one refresh, one token', async (t) => {
  const [processes, user] = await Promise.all([three(), person()])
  const asked = processes.flatMap((process) => Array.from({ length: 100 }, () => ask(process, user)))
  const told = await Promise.all(asked)
  t.same(new Set(told.map(({ status }) => status)), new Set([200]))
  t.equal(new Set(told.map(({ token }) => token)).size, 1)
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('callers who disconnect or give up leave the refresh alone: it is stored for the next one', async (t) => {
  const [[one, other], user, away] = await Promise.all([three(), person(), new AbortController()])
  const answered = idp.controls.holdTokenRequest('answer')
  const disconnected = [ask(one, user, away.signal), ask(one, user, away.signal)]
  const { release } = await answered
  const tickets = {
    principal: await user.ticket(),
    provider: await mcpProvider.ticketFor(world.register(audience, { server_identifier: 'tools', external: true }))
  }
  await t.rejects(call(bus, issueToken, tickets, { deadlineAt: Date.now() + 200 }), 'the deadline of a caller')
  away.abort()
  t.same(new Set((await Promise.all(disconnected)).map(({ status }) => status)), new Set([0]))
  release()
  t.match(await ask(other, user), { status: 200 })
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('revoked while the IdP works: nothing is handed out, and the grant stays ended', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = [ask(holder, user), ask(other, user)]
  const { release } = await answered
  const { id } = await grantOf(user)
  t.match(await api(user, 'DELETE', `/v1/grants/${id}`), { status: 200 })
  release()
  const refused = { status: 401, code: 'identity_refresh_rejected', token: undefined }
  t.match(await Promise.all(asked), [refused, refused])
  t.match(await grantOf(user), { status: 'dead', dead_reason: 'revoked' })
  t.same(presentationsOf(user), [1])
  t.same(await breaches(world), [])
})

t.test('signed in again while the IdP works: the token is of the new sign-in', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = [ask(holder, user), ask(other, user)]
  const { release } = await answered
  await world.signInAgain(user)
  release()
  const [first, second] = await Promise.all(asked)
  t.match([first?.status, second?.status, first?.token === second?.token], [200, 200, true])
  t.same(presentationsOf(user), [1, 1], 'each refresh token once')
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('Postgres gone for five seconds with the answer in hand: it is stored once it is back', async (t) => {
  const [processes, user] = await Promise.all([three(), person()])
  const [holder, other] = processes
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = ask(holder, user)
  const { release } = await answered
  for (const { postgres } of processes) postgres.cut()
  release()
  t.match(await ask(other, user), { status: 503, token: undefined }, 'nobody else can be answered')
  // It tries again every quarter of a second.
  await until(() => holder.postgres.sentAway() >= 20, 60)
  for (const { postgres } of processes) postgres.restore()
  const { status, token } = await asked
  t.equal(status, 200)
  t.equal((await ask(other, user)).token, token)
  t.same(presentationsOf(user), [1])
  t.ok(processes.every(({ isRunning }) => isRunning()))
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('without Redis tokens are minted, once for all processes', async (t) => {
  const [[one, other], user] = await Promise.all([three(), person()])
  await backends.redis.stop()
  const { status, token } = await ask(one, user)
  t.equal(status, 200)
  t.equal((await ask(other, user)).token, token)
  t.same(presentationsOf(user), [1])
  await backends.redis.restart()
  await whole()
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('NATS gone while the IdP works: the answer is stored, and given to all who wait', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const answered = idp.controls.holdTokenRequest('answer')
  const looked = other.postgres.holdCommit('after', /"grant"/)
  const asked = [ask(holder, user), ask(other, user)]
  const { release } = await answered
  // What it asks over NATS, it has asked before it looks at the grant.
  const look = await looked
  await backends.nats.stop()
  look.release()
  release()
  const [first, second] = await Promise.all(asked)
  t.match([first?.status, second?.status, first?.token === second?.token], [200, 200, true])
  await backends.nats.restart()
  await whole()
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('the connection edited while the IdP works: what led to another place ends the grant', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const { body } = await api(owner, 'GET', '/v1/connections')
  const path = `/v1/connections/${body.data[0].id}`
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = ask(holder, user)
  const { release } = await answered
  t.match(await api(owner, 'PATCH', path, { client_id: 'another', client_secret: 'another' }), { status: 200 })
  release()
  const refused = { status: 401, code: 'identity_refresh_rejected', token: undefined }
  t.match(await asked, refused)
  t.match(await ask(other, user), refused)
  t.match(await grantOf(user), { status: 'dead', dead_reason: 'connection_changed' })
  t.same(presentationsOf(user), [1], 'and nothing was sent to the new place')
  t.same(await breaches(world), [])
})
