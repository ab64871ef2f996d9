import { randomUUID } from 'node:crypto'
import { openRedis } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { sessionStore } from '../../../src/sessions/store.ts'
import { type Setting, urlOf } from './setting.ts'

/** What Redis keeps of sessions. The last of it, since some of what it kept is gone afterwards. */
export const testRedis = ({ ask, backends, connect, devices, environment, forwarding }: Setting): void => {
  t.test('so many sessions of an app or a tenant are there at a time, and what is over makes room', async (t) => {
    const { redis, close } = await openRedis(environment().REDIS_URL ?? '', { commandMs: 30_000 })
    t.teardown(close)
    const store = sessionStore(redis, { perHolder: 2, perPrincipal: 3, perTenant: 4 })
    const tenant_id = randomUUID()
    let time = Date.now()
    const begin = (app: string, user: string) => {
      const owner = { tenant_id, principal: `${tenant_id}:${app}`, holder: `${tenant_id}:${app}:${user}`, who: user }
      const id = randomUUID()
      // None is as long unused as another.
      time += 1
      return store.begin(id, owner, {}, new Date(time)).then((isBegun) => ({ id, owner, isBegun }))
    }
    const first = await begin('a', 'ada')
    for (const user of ['ada', 'ada', 'bob'])
      t.match(await begin('a', user), { isBegun: true }, 'the first one is over')
    t.equal(await store.find(first.id, first.owner, new Date(time)), undefined)
    t.match(await begin('a', 'cleo'), { isBegun: false })
    const last = await begin('b', 'ada')
    t.equal(last.isBegun, true)
    t.match(await begin('c', 'ada'), { isBegun: false }, 'nor more of a tenant')
    await store.end(last.id, last.owner)
    t.match(await begin('c', 'ada'), { isBegun: true })
    time += 1_800_001
    t.match(await begin('d', 'ada'), { isBegun: true }, 'nobody used the others for half an hour')
  })

  t.test('while Redis is away a session is 503 and is there again afterwards; who begins has none', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const { call: callIn, sessionId } = await connect(t, user, at)
    t.equal((await callIn('count')).calls, 1)
    await backends.redis.stop()
    for (const method of ['POST', 'GET', 'DELETE']) {
      const answer = await ask(user.headers, at, sessionId, { method })
      t.match([answer.status, answer.headers.get('retry-after')], [503, /^\d+$/], method)
      t.match(await answer.json(), { error: { code: -32000, data: { code: 'unavailable' } } }, method)
    }
    const initialize = { method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } }
    const begun = await ask(user.headers, at, '', { body: initialize })
    t.match([begun.status, begun.headers.get('mcp-session-id')], [200, null])
    t.match(await begun.json(), { result: { capabilities: { logging: undefined, tools: {} } } })
    await backends.redis.restart()
    const status = await eventually(
      async () => (await ask(user.headers, at, sessionId)).status,
      (one) => one === 200
    )
    t.equal(status, 200)
    t.equal((await callIn('count')).calls, 2, 'with all that its server keeps')
  })
}
