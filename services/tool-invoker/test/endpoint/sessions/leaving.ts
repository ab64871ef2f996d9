import { loadConfig, openRedis } from '@onbehalf/service-kit'
import { type TestContext, until } from '@onbehalf/testkit'
import t from 'tap'
import { buildApp } from '../../../src/app.ts'
import { variables } from '../../../src/config.ts'
import { openResources } from '../../../src/resources.ts'
import { onceAWhile } from '../../../src/sessions/once-a-while.ts'
import { sessionStore } from '../../../src/sessions/store.ts'
import { type Setting, urlOf } from './setting.ts'

/** What is held, and how much of it there ever was. */
const createCount = () => {
  const held = new Set<object>()
  let ever = 0
  return {
    held: () => held.size,
    ever: () => ever,
    hold: (giveBack: () => void) => {
      const one = {}
      held.add(one)
      ever += 1
      return () => {
        held.delete(one)
        giveBack()
      }
    }
  }
}

/** What clients leave behind. */
export const testLeaving = (setting: Setting): void => {
  const { ask, connect, devices, environment, forwarding, legacy, listen, providers } = setting

  const openCounted = async (t: TestContext) => {
    const resources = await openResources(loadConfig(variables, environment()))
    const { places, serverPlaces, underWay } = resources
    const [streams, servers, watched] = [createCount(), createCount(), createCount()]
    const app = await buildApp({
      ...resources,
      places: { ...places, take: (by, end) => streams.hold(places.take(by, end)) },
      serverPlaces: { ...serverPlaces, take: (by, end) => servers.hold(serverPlaces.take(by, end)) },
      underWay: {
        ...underWay,
        begin: (cancel) => {
          const call = underWay.begin(cancel)
          return {
            sends: (tagsOf, again) => call.sends(tagsOf, again),
            ask: () => call.ask(),
            end: watched.hold(() => call.end())
          }
        }
      }
    })
    app.addHook('onClose', () => resources.close())
    t.teardown(() => app.close())
    const base = await app.listen({ port: 0, host: '127.0.0.1' })
    const connections = () => new Promise<number>((resolve) => app.server.getConnections((_, count) => resolve(count)))
    /** What was answered on the bus before has been heard when this is done: an answer is heard after it. */
    const settle = async () => {
      const payload = { server_identifier: 'nowhere', tool: 'x' }
      const { headers } = devices.makeToken()
      await app.inject({ method: 'POST', url: '/v1/tools/call', headers, payload })
    }
    return { base, connections, settle, streams, servers, watched }
  }

  t.test('who leaves before all of what it listens to is heard leaves nothing behind', async (t) => {
    const { base, connections, settle, streams, servers, watched } = await openCounted(t)
    const user = devices.makeToken()
    forwarding(user.tenant_id, legacy.apart())
    const begin = async () => {
      const leaving = new AbortController()
      const notifications = { resourcesListChanged: true }
      const { over } = await listen(user, { path: '/mcp', notifications, signal: leaving.signal, base })
      return async () => {
        leaving.abort()
        await over
        await until(() => streams.held() === 0)
      }
    }
    const lists = providers.hold('lists')
    const leave = await begin()
    await lists.asked
    await leave()
    lists.release()
    await settle()
    t.same([servers.ever(), watched.held()], [0, 0], 'nothing is begun for who has left')

    const finds = providers.hold('finds')
    const leaveLater = await begin()
    await finds.asked
    t.same([streams.held(), servers.held(), watched.held()], [1, 1, 2], "a server takes no place of the clients'")
    await leaveLater()
    finds.release()
    await settle()
    await until(() => servers.held() === 0 && watched.held() === 0)

    const at = urlOf(forwarding(user.tenant_id, legacy.apart()))
    const { sessionId } = await connect(t, user, at)
    const again = providers.hold('finds')
    const leaving = new AbortController()
    const headers = { ...user.headers, accept: 'text/event-stream', 'mcp-session-id': sessionId }
    const stream = fetch(`${base}${at}`, { headers, signal: leaving.signal })
    await again.asked
    t.equal(streams.held(), 1)
    leaving.abort()
    await t.rejects(stream)
    await until(async () => (await connections()) === 0)
    again.release()
    await until(() => streams.held() === 0 && watched.held() === 0)
  })

  t.test('where no more sessions fit, a client is answered without one', async (t) => {
    const { redis, close } = await openRedis(environment().REDIS_URL ?? '', { commandMs: 30_000 })
    t.teardown(close)
    const resources = await openResources(loadConfig(variables, environment()))
    const app = await buildApp({ ...resources, sessions: sessionStore(redis, { perTenant: 1 }) })
    app.addHook('onClose', () => resources.close())
    t.teardown(() => app.close())
    const base = await app.listen({ port: 0, host: '127.0.0.1' })
    const user = devices.makeToken()
    const initialize = { method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } }
    const begin = async ({ headers }: typeof user) => {
      const answer = await ask(headers, '/mcp', '', { body: initialize, base })
      return { status: answer.status, hasSession: answer.headers.has('mcp-session-id'), body: await answer.json() }
    }
    t.match(await begin(user), { status: 200, hasSession: true })
    t.match(await begin(devices.makeToken({ tenant_id: user.tenant_id })), {
      ...{ status: 200, hasSession: false },
      body: { result: { protocolVersion: '2025-11-25', capabilities: { logging: undefined } } }
    })
  })

  t.test('what a client says often in a while is said once at its end', async (t) => {
    const said: string[] = []
    const ends: (() => void)[] = []
    const say = onceAWhile(
      (key) => said.push(key),
      (run) => {
        ends.push(run)
        return { unref: () => undefined }
      }
    )
    const endWhile = () => ends.shift()?.()
    for (const key of ['a', 'a', 'a', 'b']) say(key)
    t.same(said, ['a', 'b'])
    for (const _ of Array(2)) endWhile()
    t.same(said, ['a', 'b', 'a'])
    endWhile()
    t.same(said, ['a', 'b', 'a'])
    t.equal(ends.length, 0)
    say('a')
    t.equal(said.length, 4)
  })
}
