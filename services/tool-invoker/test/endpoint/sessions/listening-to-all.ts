import { until } from '@onbehalf/testkit'
import t from 'tap'
import { type Setting, subscriptionId } from './setting.ts'

/** What clients listen to at the endpoint of all. */
export const testListeningToAll = ({
  app,
  connect,
  devices,
  forwarding,
  legacy,
  listen,
  providers,
  resources
}: Setting): void => {
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
    const many = Array.from({ length: 22 }, (_, index) => `onbehalf://server-${index}/test://one`)
    const leaving = new AbortController()
    const resourceSubscriptions = [...many, 'onbehalf://server-0/test://two']
    const wide = { path: '/mcp', notifications: { resourceSubscriptions }, signal: leaving.signal }
    const cut = await listen(another, wide)
    await until(() => cut.told.length > 0)
    t.same(
      Object(cut.told[0]?.params).notifications,
      { resourceSubscriptions: [...many.slice(0, 20), 'onbehalf://server-0/test://two'] },
      'and that of twenty it is told'
    )
    leaving.abort()
    await cut.over
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

  t.test(
    'it hears as many servers as it can, whatever it wants of each, and one again that it may use again',
    async () => {
      const user = devices.makeToken()
      const [first, second] = [legacy.apart(), legacy.apart()]
      const one = forwarding(user.tenant_id, first)
      const two = forwarding(user.tenant_id, second)
      const uris = Array.from({ length: 25 }, (_, index) => `onbehalf://${one.server_identifier}/test://${index}`)
      const leaving = new AbortController()
      const { over } = await listen(user, {
        path: '/mcp',
        notifications: { resourceSubscriptions: [...uris, `onbehalf://${two.server_identifier}/test://one`] },
        signal: leaving.signal
      })
      await until(() => first.opened() > 0 && second.opened() > 0)
      const once = second.opened()
      providers.remove(two.provider_id)
      const recorded = async () =>
        (await app.inject({ url: '/v1/calls?tool=subscriptions/listen', headers: user.headers })).json().data.length
      await until(async () => (await recorded()) > 0)
      providers.register(two)
      await until(() => {
        providers.change({ kind: 'provider', id: two.provider_id })
        return second.opened() > once
      })
      leaving.abort()
      await over
    }
  )

  t.test('a session at the endpoint of all hears of the resources that it wants to hear of', async (t) => {
    const user = devices.makeToken()
    const server = legacy.apart()
    const provider = forwarding(user.tenant_id, server)
    const { client, told } = await connect(t, user, '/mcp')
    const full = await connect(t, user, '/mcp')
    t.match(client.getServerCapabilities(), { resources: { subscribe: true, listChanged: true } })
    const uri = `onbehalf://${provider.server_identifier}/test://one`
    for (const none of ['test://one', 'onbehalf://nowhere/test://one'])
      await t.rejects(client.subscribeResource({ uri: none }), { code: -32602 }, none)
    t.equal(server.opened(), 0, 'who wants nothing hears no server')
    for (let index = 0; index < 20; index += 1)
      await resources.sessions.subscribe(full.sessionId, `onbehalf://server-${index}/test://one`)
    await t.rejects(full.client.subscribeResource({ uri }), { code: -32602, message: /one more than the 20 servers/ })
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
}
