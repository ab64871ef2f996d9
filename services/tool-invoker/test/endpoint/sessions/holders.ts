import { randomUUID } from 'node:crypto'
import { until } from '@onbehalf/testkit'
import t from 'tap'
import { type Setting, urlOf } from './setting.ts'

/** Whose sessions are, and when they are over. */
export const testHolders = ({
  ask,
  broker,
  call,
  connect,
  devices,
  forwarding,
  issuer,
  legacy,
  open,
  providers,
  settle
}: Setting): void => {
  t.test("a session is its holder's alone, and each has one of its own at the server", async (t) => {
    const user = devices.makeToken()
    const { tenant_id } = user
    const provider = forwarding(tenant_id)
    const at = urlOf(provider)
    const [one, two] = await Promise.all([connect(t, user, at), connect(t, user, at)])
    t.notSame(one.sessionId, two.sessionId)
    t.equal((await one.call('count')).calls, 1)
    t.equal((await one.call('count')).calls, 2)
    t.equal((await two.call('count')).calls, 1)

    const { provider_id: _, ...alike } = provider
    const stranger = devices.makeToken()
    providers.register({ ...alike, tenant_id: stranger.tenant_id })
    const elsewhere = urlOf(forwarding(tenant_id))
    const another = devices.makeToken({ tenant_id, user_id: user.user_id })
    for (const [who, by, path] of [
      ['another user', devices.makeToken({ tenant_id }).headers, at],
      ['another tenant', stranger.headers, at],
      ['another credential', another.headers, at],
      ['another provider', user.headers, elsewhere],
      ['the endpoint of all', user.headers, '/mcp']
    ] as const) {
      for (const method of ['POST', 'GET', 'DELETE'])
        t.equal((await ask(by, path, one.sessionId, { method })).status, 404, `${who} with ${method}`)
    }
    t.equal((await ask(user.headers, at, one.sessionId)).status, 200)

    const renewed = devices.renew(user)
    await settle()
    t.equal((await ask(user.headers, at, one.sessionId)).status, 401)
    t.equal((await ask(renewed.headers, at, one.sessionId)).status, 200, 'a renewed token keeps it')
    const count = { method: 'tools/call', params: { name: 'count' } }
    const counted = Object(await (await ask(renewed.headers, at, one.sessionId, { body: count })).json())
    const { session } = JSON.parse(counted.result.content[0].text)
    t.equal((await ask(renewed.headers, at, one.sessionId, { method: 'DELETE' })).status, 204)
    t.equal((await ask(renewed.headers, at, one.sessionId)).status, 404)
    await until(() => legacy.ended().includes(session))
    t.equal((await ask(renewed.headers, at, two.sessionId)).status, 200)
    const tomorrow = await open({}, () => new Date(Date.now() + 86_500_000))
    t.teardown(() => tomorrow.app.close())
    const base = await tomorrow.app.listen({ port: 0, host: '127.0.0.1' })
    t.equal((await ask(renewed.headers, at, two.sessionId, { base })).status, 404, 'and none is older than a day')
  })

  t.test('a stream ends with the right to it, and so many are open at most', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const { sessionId } = await connect(t, user, at)
    const stream = await ask(user.headers, at, sessionId, { method: 'GET' })
    devices.revoke(user.token_id)
    await stream.text()
    t.equal((await ask(user.headers, at, sessionId)).status, 401)
    const many = devices.makeToken({ tenant_id: user.tenant_id })
    const initialize = { method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } }
    const ids: string[] = []
    for (let index = 0; index <= 100; index += 1) {
      const begun = await ask(many.headers, at, '', { body: initialize })
      await begun.text()
      ids.push(begun.headers.get('mcp-session-id') ?? '')
    }
    const [first = '', second = ''] = ids
    t.equal((await ask(many.headers, at, first)).status, 404, 'the longest unused is over')
    t.equal((await ask(many.headers, at, second)).status, 200)
  })

  t.test('a revoked token ends what servers keep for its sessions, whoever hears them or not', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const { call: callIn } = await connect(t, user, at)
    const { session } = await callIn('count')
    const neighbour = await connect(t, devices.makeToken({ tenant_id: user.tenant_id, user_id: user.user_id }), at)
    const other = await neighbour.call('count')
    devices.revoke(user.token_id)
    await until(() => legacy.ended().includes(session))
    t.same(await neighbour.call('count'), { calls: 2, session: other.session }, "another token's goes on")
  })

  t.test("a renewed token keeps its user's session at the server, and a revoke ends it", async (t) => {
    const { tenant_id, headers, user_id } = await broker.signIn()
    const { server_identifier } = forwarding(tenant_id)
    const count = async () => {
      const { body } = await call(headers, { server_identifier, tool: 'count' })
      const { content } = Object(body.result)
      return JSON.parse(content[0].text)
    }
    const first = await count()
    t.equal(first.calls, 1)
    const old = legacy.authorization()
    legacy.reject(old)
    t.same(await count(), { calls: 2, session: first.session })
    t.not(legacy.authorization(), old, 'with another token')
    broker.change({ kind: 'grant', id: issuer.grantOf(user_id) })
    await until(() => legacy.ended().includes(first.session))
    const next = await count()
    t.equal(next.calls, 1)
    t.not(next.session, first.session)
  })

  t.test('an app that begins many sessions for one user ends none of another', async (t) => {
    const { tenant_id } = devices.makeToken()
    const [ada, bob] = [randomUUID(), randomUUID()]
    const { headers } = broker.makeApiKey({ tenant_id, actsFor: [ada, bob] })
    const as = (user_id: string) => ({ ...headers, 'onbehalf-user-id': user_id })
    const initialize = { method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } }
    const begin = async (user_id: string) =>
      (await ask(as(user_id), '/mcp', '', { body: initialize })).headers.get('mcp-session-id') ?? ''
    const adas = await begin(ada)
    await Promise.all(Array.from({ length: 101 }, () => begin(bob)))
    t.equal((await ask(as(ada), '/mcp', adas)).status, 200)
  })
}
