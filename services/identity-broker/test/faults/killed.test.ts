import { decodeJwt } from 'jose'
import t from 'tap'
import { logins, signInAs, startBroker } from '../start.ts'
import { audience, startBrokerProcess } from './processes.ts'

const broker = await startBroker(t)
broker.register(audience, { server_identifier: 'tools' })
const { idp } = broker
const refreshesOf = (login: string) => idp.log().refreshes_by_user[login] ?? 0
const subjectOf = ({ token = '' }: { token: string | undefined }) => (token ? decodeJwt(token).sub : undefined)
const start = () => startBrokerProcess(t, broker)

await t.test(
  'killed before the IdP worked on it: another process presents it once more, and nothing is lost',
  async (t) => {
    const [holder, other, user] = [await start(), await start(), await signInAs(broker, logins.user)]
    const arrived = idp.controls.holdTokenRequest('arrival')
    const asked = holder.ask(user)
    const held = await arrived
    holder.signal('SIGKILL')
    held.drop()
    t.equal((await asked).status, 0)
    const answer = await other.ask(user)
    t.same([answer.status, subjectOf(answer)], [200, logins.user])
    t.equal(refreshesOf(logins.user), 1, 'the IdP worked on one')
  }
)

await t.test(
  'killed between the answer of the IdP and the commit: that one grant is lost, without a loop',
  async (t) => {
    const [holder, other, user] = [await start(), await start(), await signInAs(broker, logins.second)]
    const before = refreshesOf(logins.second)
    const answered = idp.controls.holdTokenRequest('answer')
    const asked = holder.ask(user)
    const held = await answered
    holder.signal('SIGKILL')
    held.drop()
    t.equal((await asked).status, 0)
    t.match(await other.ask(user), { status: 401, code: 'identity_refresh_rejected' })
    t.match(await other.ask(user), { status: 401, code: 'identity_refresh_rejected' })
    t.equal(refreshesOf(logins.second) - before + idp.log().refreshes_of_nobody, 2, 'presented twice, and never again')
    const again = await signInAs(broker, logins.second)
    t.same(subjectOf(await other.ask(again)), logins.second, 'a sign-in brings it back')
  }
)

await t.test('killed after the commit: nothing is lost, and nobody refreshes again', async (t) => {
  const [holder, other, user] = [await start(), await start(), await signInAs(broker, logins.owner)]
  const before = refreshesOf(logins.owner)
  const { token } = await holder.ask(user)
  holder.signal('SIGKILL')
  t.equal((await other.ask(user)).token, token)
  t.equal(refreshesOf(logins.owner) - before, 1)
})

await t.test('told to leave while the IdP works: the answer is stored before it goes', async (t) => {
  const [holder, other, user] = [await start(), await start(), await signInAs(broker, logins.user)]
  const before = refreshesOf(logins.user)
  const answered = idp.controls.holdTokenRequest('answer')
  const asked = holder.ask(user)
  const held = await answered
  holder.signal('SIGTERM')
  held.release()
  t.equal(subjectOf(await asked), logins.user)
  await holder.exited
  t.equal(subjectOf(await other.ask(user)), logins.user)
  t.equal(refreshesOf(logins.user) - before, 1)
})
