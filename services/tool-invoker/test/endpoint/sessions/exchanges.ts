import { ElicitRequestSchema, EmptyResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { eventually, until } from '@onbehalf/testkit'
import t from 'tap'
import { type Json, type Setting, urlOf } from './setting.ts'

/** What is said within a session. */
export const testExchanges = ({
  app,
  ask,
  connect,
  devices,
  forwarding,
  legacy,
  providers,
  settle,
  there
}: Setting): void => {
  t.test('what changes is told on the stream of a session: resources, lists, and what it logs', async (t) => {
    const user = devices.makeToken()
    const provider = forwarding(user.tenant_id)
    const { client, told, call } = await connect(t, user, urlOf(provider))
    await t.rejects(client.subscribeResource({ uri: `test://${'x'.repeat(3_000)}` }), { code: -32602, message: /2048/ })
    await client.subscribeResource({ uri: 'test://one' })
    await legacy.touch('test://one')
    await until(() => told.includes('test://one'))
    await legacy.relist()
    await until(() => told.includes('notifications/resources/list_changed'))
    providers.listAs(provider.provider_id, [{ name: 'count' }, { name: 'log' }])
    await until(() => told.includes('notifications/tools/list_changed'))
    await settle()
    await client.setLoggingLevel('error')
    await call('log')
    t.same(
      told.filter((one) => one === 'debug' || one === 'error'),
      ['error']
    )
    await t.rejects(client.request({ method: 'logging/setLevel', params: { level: 'loud' } }, EmptyResultSchema), {
      code: -32602
    })
  })

  t.test('a client cancels a call by its id, and its server hears of it', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const { client } = await connect(t, user, at)
    const [before, cancelled] = [legacy.waiting(), legacy.cancelled().length]
    const giveUp = new AbortController()
    const waiting = client.callTool({ name: 'wait' }, undefined, { signal: giveUp.signal })
    await until(() => legacy.waiting() > before)
    giveUp.abort('enough')
    await t.rejects(waiting)
    await until(() => legacy.cancelled().length > cancelled)
    const recorded = async (): Promise<Json[]> =>
      (await app.inject({ url: '/v1/calls?tool=wait', headers: user.headers })).json().data
    t.match(await eventually(recorded, ({ length }) => length === 1), [{ outcome: 'cancelled' }])
  })

  t.test('any replica serves a session: its requests, its answers, its cancels and its end', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const { client, sessionId, call } = await connect(t, user, at, { capabilities: { elicitation: { form: {} } } })
    t.equal((await ask(user.headers, at, sessionId, { base: there })).status, 200)
    const asked = Promise.withResolvers<string | number>()
    client.setRequestHandler(ElicitRequestSchema, async (_, { requestId, signal }) => {
      asked.resolve(requestId)
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('left'))))
    })
    const answered = call('elicit', { message: 'Who?' })
    const id = await asked.promise
    const body = { id, method: undefined, result: { action: 'decline' } }
    t.equal((await ask(user.headers, at, sessionId, { body, base: there })).status, 202)
    t.same(await answered, { action: 'decline' })

    const [before, cancelled] = [legacy.waiting(), legacy.cancelled().length]
    const waiting = ask(user.headers, at, sessionId, {
      body: { id: 7, method: 'tools/call', params: { name: 'wait' } }
    })
    await until(() => legacy.waiting() > before)
    const cancel = { id: undefined, method: 'notifications/cancelled', params: { requestId: 7 } }
    t.equal((await ask(user.headers, at, sessionId, { body: cancel, base: there })).status, 202)
    t.match(await (await waiting).json(), { error: { message: /cancelled/ } })
    await until(() => legacy.cancelled().length > cancelled)

    const stream = await ask(user.headers, at, sessionId, { method: 'GET' })
    t.equal(stream.status, 200)
    t.equal((await ask(user.headers, at, sessionId, { method: 'DELETE', base: there })).status, 204)
    t.match(await stream.text(), /: begun/, 'its stream ends')
    t.equal((await ask(user.headers, at, sessionId)).status, 404)
  })
}
