import t, { type Test } from 'tap'
import { breaches, canRefresh } from './invariants.ts'
import type { BrokerProcess } from './processes.ts'
import { type Person, startWorld } from './world.ts'

const world = await startWorld(t)
const { idp, three, replace, person, ask, grantOf, presentationsOf } = world
const [lease, store] = [/update "grant" set\s+lease_owner/i, /insert into "?minted_token/i]
const signInAgain = { status: 401, code: 'identity_refresh_rejected', token: undefined }

/** That one grant is lost, nobody goes on trying, and a sign-in brings it back. */
const isLostOnce = async (t: Test, user: Person, [other, third]: readonly [BrokerProcess, BrokerProcess]) => {
  t.match(await ask(other, user), signInAgain)
  t.match(await ask(third, user), signInAgain)
  t.same(presentationsOf(user), [2], 'and never again')
  t.match(await grantOf(user), { status: 'dead', dead_reason: 'answer_lost' })
  await world.signInAgain(user)
  t.match(await ask(other, user), { status: 200 }, 'a sign-in brings it back')
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
}

t.test('killed before it wrote that it refreshes: another process refreshes at once', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const arrived = holder.postgres.holdCommit('before', lease)
  const asked = ask(holder, user)
  const held = await arrived
  await replace(holder, 'SIGKILL')
  held.drop()
  t.match(await asked, { status: 0 })
  t.match(await ask(other, user), { status: 200 })
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('killed before the first byte was sent: nothing is lost, and the IdP is asked once', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const written = holder.postgres.holdCommit('after', lease)
  const asked = ask(holder, user)
  await written
  await replace(holder, 'SIGKILL')
  t.match(await asked, { status: 0 })
  t.match(await ask(other, user), { status: 200 })
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('killed before the IdP worked on it: it is presented once more, and nothing is lost', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const arrived = idp.controls.holdTokenRequest('arrival')
  const asked = ask(holder, user)
  const held = await arrived
  await replace(holder, 'SIGKILL')
  held.drop()
  t.match(await asked, { status: 0 })
  t.match(await ask(other, user), { status: 200 })
  t.same(presentationsOf(user), [2])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('killed while the answer of the IdP is on its way: that one grant is lost, without a loop', async (t) => {
  const [[holder, other, third], user] = await Promise.all([three(), person()])
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = ask(holder, user)
  const held = await answered
  await replace(holder, 'SIGKILL')
  held.drop()
  t.match(await asked, { status: 0 })
  await isLostOnce(t, user, [other, third])
})

t.test('killed with the answer in hand and not stored: that one grant is lost, without a loop', async (t) => {
  const [[holder, other, third], user] = await Promise.all([three(), person()])
  const arrived = holder.postgres.holdCommit('before', store)
  const asked = ask(holder, user)
  const held = await arrived
  await replace(holder, 'SIGKILL')
  held.drop()
  t.match(await asked, { status: 0 })
  await isLostOnce(t, user, [other, third])
})

t.test('killed after the commit, before it heard of it: nothing is lost, and nobody refreshes again', async (t) => {
  const [[holder, other, third], user] = await Promise.all([three(), person()])
  const stored = holder.postgres.holdCommit('after', store)
  const asked = ask(holder, user)
  await stored
  await replace(holder, 'SIGKILL')
  t.match(await asked, { status: 0 })
  const { status, token } = await ask(other, user)
  t.equal(status, 200)
  t.equal((await ask(third, user)).token, token)
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('paused past its lease before it sent anything: once awake it uses what another one got', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const written = holder.postgres.holdCommit('after', lease)
  const asked = ask(holder, user)
  const held = await written
  holder.signal('SIGSTOP')
  held.release()
  const { status, token } = await ask(other, user)
  t.equal(status, 200)
  holder.signal('SIGCONT')
  const woken = await asked
  t.ok(woken.token === token || woken.status === 503, 'which its caller gets, or is told to come again')
  t.match(await ask(holder, user), { status: 200, token })
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('paused past its lease with the answer of the IdP unread: once awake it hands out nothing of it', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = ask(holder, user)
  const held = await answered
  holder.signal('SIGSTOP')
  held.release()
  t.match(await ask(other, user), signInAgain)
  holder.signal('SIGCONT')
  t.equal((await asked).token, undefined)
  t.match(await ask(holder, user), signInAgain)
  t.same(presentationsOf(user), [2])
  await world.signInAgain(user)
  t.match(await ask(holder, user), { status: 200 }, 'a sign-in brings it back')
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})

t.test('told to leave while the IdP works: the answer is stored before it goes', async (t) => {
  const [[holder, other], user] = await Promise.all([three(), person()])
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = ask(holder, user)
  const held = await answered
  const gone = replace(holder, 'SIGTERM')
  held.release()
  const { status, token } = await asked
  t.equal(status, 200)
  await gone
  t.match(await ask(other, user), { status: 200, token })
  t.same(presentationsOf(user), [1])
  t.same([await canRefresh(world, user), await breaches(world)], [true, []])
})
