import { eventually, until } from '@onbehalf/testkit'
import t from 'tap'
import { type Json, type Setting, subscriptionId, urlOf } from './setting.ts'

/** What clients of 2026-07-28 listen to. */
export const testListening = ({
  app,
  ask,
  connect,
  devices,
  forwarding,
  legacy,
  listen,
  modern,
  providers
}: Setting): void => {
  t.test('a client of 2026-07-28 is told what it listens to, by servers of both eras, until it leaves', async (t) => {
    const servers = [
      { server: modern, touch: async () => modern.touch('test://one') },
      { server: legacy, touch: () => legacy.touch('test://one') }
    ]
    for (const { server, touch } of servers) {
      const user = devices.makeToken()
      const provider = forwarding(user.tenant_id, server)
      const leave = new AbortController()
      const filter = { toolsListChanged: true, resourceSubscriptions: ['test://one'] }
      const notifications = { ...filter, promptsListChanged: false }
      const { told, over } = await listen(user, { path: urlOf(provider), notifications, signal: leave.signal })
      await until(() => told.length > 0)
      const _meta = { [subscriptionId]: 'L1' }
      t.same(told[0], {
        ...{ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged' },
        params: { notifications: filter, _meta }
      })
      const isTold = (method: string) => told.some((one) => one.method === method)
      await until(async () => {
        await touch()
        return isTold('notifications/resources/updated')
      })
      providers.listAs(provider.provider_id, [{ name: 'echo' }])
      await until(() => isTold('notifications/tools/list_changed'))
      for (const { params } of told) t.match(params, { _meta }, 'each says which subscription it is of')
      leave.abort()
      await over
      const recorded = async (): Promise<Json[]> =>
        (await app.inject({ url: '/v1/calls?tool=subscriptions/listen', headers: user.headers })).json().data
      t.match(await eventually(recorded, ({ length }) => length === 1), [{ outcome: 'cancelled' }])
    }
  })

  t.test('what a client wants to hear of is bounded, however much it asks for at once', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const subscribeAll = async (uris: string[]) => {
      const { sessionId } = await connect(t, user, at)
      const answers = uris.map(async (uri) => {
        const answer = await ask(user.headers, at, sessionId, {
          body: { method: 'resources/subscribe', params: { uri } }
        })
        return answer.text()
      })
      return (await Promise.all(answers)).filter((text) => !text.includes('"code":-32602')).length
    }
    const urisOf = (count: number, length: number) =>
      Array.from({ length: count }, (_, index) => `test://${index}/`.padEnd(length, 'x'))
    t.equal(await subscribeAll(urisOf(1, 2_049)), 0)
    t.equal(await subscribeAll(urisOf(110, 20)), 100)
    t.equal(await subscribeAll(urisOf(40, 2_000)), 32, 'and 64 KB of them')
    for (const resourceSubscriptions of [urisOf(1, 2_049), urisOf(101, 20)])
      t.equal((await listen(user, { path: at, notifications: { resourceSubscriptions } })).status, 400)
  })

  t.test(
    'who listens hears the server that the provider has now, and no longer than the credential holds',
    async (t) => {
      const passing = devices.makeToken({ lifetimeSeconds: 10 })
      const { told, over } = await listen(passing, {
        ...{ path: '/mcp', notifications: { toolsListChanged: true }, signal: AbortSignal.timeout(60_000) }
      })
      await until(() => told.length > 0)
      devices.lapse(passing.token_id)

      const user = devices.makeToken()
      const server = legacy.apart()
      const provider = forwarding(user.tenant_id, server)
      const leaving = new AbortController()
      const notifications = { resourcesListChanged: true }
      await listen(user, { path: urlOf(provider), notifications, signal: leaving.signal })
      await until(() => server.opened() > 0)
      const once = server.opened()
      providers.update(provider.provider_id, { timeout: 31 })
      await until(() => server.opened() > once)
      leaving.abort()
      await over
      t.match(told.at(-1), { id: 'L1', error: { code: -32000 } }, 'it ends, though nobody said so')
    }
  )
}
