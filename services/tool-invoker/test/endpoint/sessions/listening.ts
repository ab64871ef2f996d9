import { eventually, until } from '@onbehalf/testkit'
import t from 'tap'
import { type Json, type Setting, urlOf } from './setting.ts'

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
  const subscriptionId = 'io.modelcontextprotocol/subscriptionId'

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

  t.test('at the endpoint of all it is told of the tools of all, while it may', async (t) => {
    const user = devices.makeToken()
    const { provider_id } = forwarding(user.tenant_id)
    const notifications = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: ['x:y'] }
    const { told, over } = await listen(user, { path: '/mcp', notifications })
    await until(() => told.length > 0)
    t.same(Object(told[0]?.params).notifications, { toolsListChanged: true, promptsListChanged: true })
    providers.listAs(provider_id, [{ name: 'another' }])
    await until(() => told.length > 1)
    devices.revoke(user.token_id)
    await over
    t.match(told.at(-1), { id: 'L1', error: { code: -32000 } }, 'a revoke ends it')

    const another = devices.makeToken()
    for (const [given, accept] of [
      [undefined, 'text/event-stream'],
      [{ resourceSubscriptions: [1] }, 'text/event-stream'],
      [{}, 'application/json']
    ] as const)
      t.equal((await listen(another, { path: '/mcp', notifications: given, accept })).status, 400)
    const nowhere = { path: '/mcp/nowhere', notifications: {} }
    t.equal((await listen(another, nowhere)).status, 404)
  })

  t.test(
    'at the endpoint of all it hears every server, in both eras, under joined URIs, also one that is added',
    async (t) => {
      const user = devices.makeToken()
      const first = legacy.apart()
      const one = forwarding(user.tenant_id, first)
      const leaving = new AbortController()
      const uri = `onbehalf://${one.server_identifier}/test://one`
      const filter = { resourcesListChanged: true, resourceSubscriptions: [uri] }
      const notifications = { ...filter, resourceSubscriptions: [uri, 'test://one'] }
      const { told, over } = await listen(user, { path: '/mcp', notifications, signal: leaving.signal })
      const countOf = (method: string) => told.filter((event) => event.method === method).length
      await until(() => told.length > 0)
      t.same(Object(told[0]?.params).notifications, filter, 'what is nowhere is not heard')
      await until(() => first.opened() > 0)
      await until(async () => {
        await legacy.touch('test://one')
        return countOf('notifications/resources/updated') > 0
      })
      t.match(
        told.find(({ method }) => method === 'notifications/resources/updated'),
        { params: { uri, _meta: { [subscriptionId]: 'L1' } } }
      )
      const before = countOf('notifications/resources/list_changed')
      await until(async () => {
        await legacy.relist()
        return countOf('notifications/resources/list_changed') > before
      })
      const second = legacy.apart()
      providers.listAs(forwarding(user.tenant_id, second).provider_id, [{ name: 'echo' }])
      await until(() => second.opened() > 0)
      providers.update(one.provider_id, { timeout: 31 })
      const once = first.opened()
      await until(() => first.opened() > once)
      t.equal(countOf('notifications/prompts/list_changed'), 0, 'and nothing that it did not ask for')
      leaving.abort()
      await over
    }
  )

  t.test('a session at the endpoint of all hears of the resources that it wants to hear of', async (t) => {
    const user = devices.makeToken()
    const server = legacy.apart()
    const provider = forwarding(user.tenant_id, server)
    const { client, told } = await connect(t, user, '/mcp')
    t.match(client.getServerCapabilities(), { resources: { subscribe: true, listChanged: true } })
    const uri = `onbehalf://${provider.server_identifier}/test://one`
    for (const none of ['test://one', 'onbehalf://nowhere/test://one'])
      await t.rejects(client.subscribeResource({ uri: none }), { code: -32602 }, none)
    t.equal(server.opened(), 0, 'who wants nothing hears no server')
    await client.subscribeResource({ uri })
    await until(async () => {
      await legacy.touch('test://one')
      return told.includes(uri)
    })
    providers.listAs(forwarding(user.tenant_id).provider_id, [{ name: 'echo' }])
    await until(() => told.includes('notifications/resources/list_changed'))
    await client.unsubscribeResource({ uri })
    t.equal(told.includes('test://one'), false)
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
