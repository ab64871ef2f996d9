import { randomUUID } from 'node:crypto'
import { until } from '@onbehalf/testkit'
import t from 'tap'
import { createGates } from '../../../src/gates/gates.ts'
import { createListenerPlaces } from '../../../src/listening/places.ts'
import { type Json, type Setting, urlOf } from './setting.ts'

/** What it costs others. */
export const testBounds = ({ ask, devices, forwarding, legacy, listen, open, resources }: Setting): void => {
  t.test('who listens takes nothing that calls need: no place of a record, and so many of each kind', async (t) => {
    const user = devices.makeToken()
    const leaving = new AbortController()
    const server = legacy.apart()
    const path = urlOf(forwarding(user.tenant_id, server))
    await listen(user, { path, notifications: { resourcesListChanged: true }, signal: leaving.signal })
    await until(() => server.opened() > 0)
    await until(() => resources.recorder.waiting() === 0)
    leaving.abort()

    const places = createListenerPlaces({ perHolder: 2, perTenant: 3, all: 4 })
    const take = (tenant_id: string, holder: string) => places.take({ tenant_id, holder }, () => {})
    const [first] = [take('a', 'one'), take('a', 'one')]
    t.throws(() => take('a', 'one'), { code: 'too_many_requests', message: /At most 2/ })
    take('a', 'two')
    t.throws(() => take('a', 'two'), { code: 'too_many_requests', message: /tenant/ })
    take('b', 'three')
    t.throws(() => take('b', 'three'), { code: 'too_many_requests', message: /here/ })
    for (const _ of Array(2)) first()
    take('b', 'three')
    t.throws(() => take('c', 'four'), { code: 'too_many_requests' }, 'a place that was given back twice is one')

    const gates = createGates({ listenersMax: 6 })
    const { promise, resolve: leave } = Promise.withResolvers<void>()
    const hear = (tenant_id: string, server_url: string, work: () => Promise<unknown> = async () => 'heard') =>
      gates.listening({ tenant_id, server_url }, work)
    const held = ['a', 'a', 'a'].map((tenant_id) => hear(tenant_id, 'https://one.test/a', () => promise))
    const tooMany = { code: 'upstream_unavailable', message: /Too many listen/ }
    await t.rejects(hear('a', 'https://one.test/b'), tooMany, 'no tenant has all places')
    t.equal(await hear('a', 'https://two.test/a'), 'heard')
    held.push(...['b', 'b'].map((tenant_id) => hear(tenant_id, 'https://one.test/b', () => promise)))
    await t.rejects(hear('b', 'https://one.test/b'), tooMany, 'nor have two together')
    held.push(hear('c', 'https://one.test/a', () => promise))
    await t.rejects(hear('d', 'https://one.test/a'), tooMany)
    leave()
    await Promise.all(held)
    t.equal(await hear('a', 'https://one.test/b'), 'heard')
  })

  t.test(
    'what costs others something is counted: to listen, to begin, and to say what all replicas hear',
    async (t) => {
      const openWith = async (max: string) => {
        const limited = await open({ PRINCIPAL_CALLS_PER_MINUTE: max })
        t.teardown(() => limited.app.close())
        return { ...limited, base: await limited.app.listen({ port: 0, host: '127.0.0.1' }) }
      }
      const [one, two] = [await openWith('1'), await openWith('2')]
      const user = devices.makeToken()
      const server = legacy.apart()
      const at = urlOf(forwarding(user.tenant_id, server))
      const leaving = new AbortController()
      const notifications = { resourcesListChanged: true }
      await listen(user, { path: at, notifications, signal: leaving.signal, base: one.base })
      await until(() => server.opened() > 0)
      const headers = { ...user.headers, host: '127.0.0.1' }
      const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'count' } }
      t.equal((await one.app.inject({ method: 'POST', url: at, headers, payload })).statusCode, 429)
      const listener = devices.makeToken()
      const quiet = { path: '/mcp', notifications: { toolsListChanged: true }, signal: leaving.signal, base: one.base }
      t.equal((await listen(listener, quiet)).status, 200)
      t.equal((await listen(listener, quiet)).status, 429, 'also where no server is heard')
      leaving.abort()

      const client = devices.makeToken()
      const initialize = { method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } }
      const begun = await ask(client.headers, '/mcp', '', { body: initialize, base: two.base })
      const sessionId = begun.headers.get('mcp-session-id') ?? ''
      const say = async (body: Json) => (await ask(client.headers, '/mcp', sessionId, { body, base: two.base })).status
      const answerTo = (id: unknown) => ({ id, method: undefined, result: {} })
      const cancel = (requestId: unknown) => ({
        id: undefined,
        method: 'notifications/cancelled',
        params: { requestId }
      })
      for (const idle of [answerTo('no id of ours'), answerTo(7), cancel('x'.repeat(257)), cancel({})])
        t.equal(await say(idle), 202, 'what nobody can be waiting for is not said')
      t.equal(await say(answerTo(randomUUID())), 202)
      t.equal(await say(cancel(8)), 429)
      t.equal((await ask(client.headers, '/mcp', sessionId, { method: 'GET', base: two.base })).status, 429)
    }
  )
}
