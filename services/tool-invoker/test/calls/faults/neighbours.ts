import { ReportedError } from '@onbehalf/errors'
import { eventually } from '@onbehalf/testkit'
import { openBusAs, playTokenIssuer } from '@onbehalf/testkit/players'
import t from 'tap'
import { quick, type Setting } from './setting.ts'

/** What becomes of calls when the other services, or the bus, are gone, or take something back. */
export const testNeighbours = ({
  app,
  backends,
  broker,
  call,
  devices,
  forwarding,
  holdCalls,
  issuer,
  open,
  providers,
  recording
}: Setting): void => {
  for (const [name, neighbour] of Object.entries({ 'identity-broker': issuer, 'mcp-provider': providers }))
    t.test(`${name} goes away under 200 calls: they end well, warm ones go on, cold ones wait for it`, async (t) => {
      const user = devices.makeToken()
      const cold = devices.makeToken({ tenant_id: user.tenant_id })
      const { server_identifier } = forwarding(user.tenant_id)
      const other = forwarding(user.tenant_id)
      const make = (who = user, server = server_identifier, more: object = {}) =>
        call(who.headers, { server_identifier: server, tool: 'x', ...more })
      t.equal((await make()).status, 200)
      // A cold call of either kind: to a server that nobody has called yet, as somebody without a token.
      const makeCold = () => make(cold, other.server_identifier)
      const { here, goOn } = holdCalls(200)
      const made = Array.from({ length: 200 }, () => make())
      await here
      await neighbour.leave()
      t.equal((await make(user, server_identifier, { arguments: quick })).status, 200)
      goOn()
      const statuses = (await Promise.all(made)).map(({ status }) => status)
      t.same(new Set(statuses), new Set([200]))
      recording.answer(() => ({ content: [] }))
      const before = recording.requests().length
      t.match(await makeCold(), { status: 503, headers: { 'retry-after': /\d/ }, body: { code: 'unavailable' } })
      t.equal(recording.requests().length, before)
      await neighbour.comeBack()
      t.equal((await makeCold()).status, 200, 'and nothing has to be started again')
    })

  t.test(
    'identity-broker is killed with a cold call in its hands: the call is 503 and can be made again',
    async (t) => {
      const user = devices.makeToken()
      const { server_identifier } = forwarding(user.tenant_id)
      const make = () => call(user.headers, { server_identifier, tool: 'x' })
      const bus = await openBusAs(t, backends, 'identity-broker')
      const dying = await playTokenIssuer(bus)
      await issuer.leave()
      const held = dying.hold()
      const cold = make()
      await dying.untilAsked(1)
      await bus.connection.close()
      t.match(await cold, { status: 503, headers: { 'retry-after': /^\d+$/ }, body: { code: 'unavailable' } })
      held.open()
      await dying.close()
      await issuer.comeBack()
      t.equal((await make()).status, 200)
    }
  )

  t.test('a revoked grant stops the calls of every replica, also those under way', async (t) => {
    const replicas = [{ app }, await open(), await open()]
    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id)
    const ask = ({ app }: Pick<Setting, 'app'>) =>
      app.inject({
        method: 'POST',
        url: '/v1/tools/call',
        headers: user.headers,
        payload: { server_identifier, tool: 'x' }
      })
    for (const replica of replicas) t.equal((await ask(replica)).statusCode, 200)
    const { here } = holdCalls(replicas.length)
    const slow = replicas.map(ask)
    await here
    const under = recording.calls().slice(-replicas.length)
    issuer.behave({ refuse: () => new ReportedError('identity_refresh_rejected', 'Please sign in again.') })
    const revokedAt = performance.now()
    broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
    const told = await Promise.all(slow)
    await Promise.all(under.map(({ closed }) => closed))
    t.comment(
      `calls under way at three replicas ended ${(performance.now() - revokedAt).toFixed(0)} ms after the grant`
    )
    t.same(
      told.map(({ statusCode }) => statusCode),
      [428, 428, 428]
    )
    const before = recording.requests().length
    for (const replica of replicas) t.equal((await ask(replica)).statusCode, 428)
    t.equal(recording.requests().length, before)
    await Promise.all(replicas.slice(1).map(({ app }) => app.close()))
  })

  t.test('NATS is killed and comes back under 200 calls: nothing has to be started again', async (t) => {
    const user = devices.makeToken()
    const { server_identifier } = forwarding(user.tenant_id)
    const make = (who = user) => call(who.headers, { server_identifier, tool: 'x' })
    t.equal((await make()).status, 200)
    const { here, goOn } = holdCalls(200)
    const made = Array.from({ length: 200 }, () => make())
    await here
    process.kill(backends.nats.pid(), 'SIGKILL')
    await backends.nats.restart()
    goOn()
    const statuses = (await Promise.all(made)).map(({ status }) => status)
    t.same(new Set(statuses), new Set([200]))
    recording.answer(() => ({ content: [] }))
    const cold = devices.makeToken({ tenant_id: user.tenant_id })
    const told = await eventually(
      () => make(cold),
      ({ status }) => status === 200,
      60
    )
    t.equal(told.status, 200)
    t.equal((await make()).status, 200)
    // What is said on the bus is heard again as well: a revocation acts.
    await eventually(
      async () => {
        devices.revoke(cold.token_id)
        return (await make(cold)).status
      },
      (status) => status === 401,
      60
    )
    t.equal((await make(cold)).status, 401)
  })
}
