import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema
} from '@modelcontextprotocol/sdk/types.js'
import type { CallSignal } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { until } from '@onbehalf/testkit'
import t from 'tap'
import { answersTo } from '../../../src/sessions/ask-client.ts'
import { publicUrl } from '../../stage.ts'
import { type Setting, urlOf } from './setting.ts'

/** What servers ask of clients. */
export const testQuestions = ({
  ask,
  askModern,
  connect,
  devices,
  fixture,
  forwarding,
  issuer,
  legacy,
  there
}: Setting): void => {
  t.test(
    'what a server asks of its client reaches it, and the answer the server, in both eras of servers',
    async (t) => {
      const user = devices.makeToken()
      const at = urlOf(forwarding(user.tenant_id))
      const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} }
      const { client, call } = await connect(t, user, at, { capabilities })
      client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
        action: 'accept',
        content: { said: params.message }
      }))
      client.setRequestHandler(CreateMessageRequestSchema, () => ({
        ...{ role: 'assistant', model: 'm', content: { type: 'text', text: 'Me.' } }
      }))
      client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///home' }] }))
      t.match(await call('capabilities'), { elicitation: {}, sampling: {}, roots: {} })
      t.match(await call('elicit', { message: 'Who?' }), { action: 'accept', content: { said: 'Who?' } })
      t.match(await call('sample'), { content: { text: 'Me.' } })
      t.same(await call('roots'), { roots: [{ uri: 'file:///home' }] })

      const modern = urlOf(forwarding(user.tenant_id, fixture))
      const second = await connect(t, user, modern, { capabilities })
      second.client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ada' } }))
      const { content } = await second.client.callTool({ name: 'test_input_required_result_elicitation' })
      t.match(content, [{ text: 'Hello, Ada!' }])

      const poor = await connect(t, user, at)
      t.same(await poor.call('capabilities'), {}, 'who can do nothing is asked nothing')
    }
  )

  t.test(
    'what a server asks of a client with one answer is bounded, and over with the first that is none',
    async (t) => {
      const questions = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`q${index}`, { method: 'roots/list' }]))
      const answer = async () => ({ result: { roots: [] } })
      t.equal(Object.keys(await answersTo(questions(20), answer)).length, 20)
      await t.rejects(answersTo(questions(21), answer), { code: 'upstream_error' })
      const signals: CallSignal[] = []
      const onlyTheFirst = (_: unknown, signal: CallSignal) => {
        signals.push(signal)
        return signals.length === 1
          ? Promise.reject(new ReportedError('cancelled', 'No.'))
          : new Promise<never>(() => {})
      }
      await t.rejects(answersTo(questions(3), onlyTheFirst), { code: 'cancelled' })
      t.same(
        signals.map(({ aborted }) => aborted),
        [true, true, true]
      )
    }
  )

  t.test('a client of 2026-07-28 has nobody whom a server of sessions could ask: the server is told so', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const call = (name: string) => askModern(user, at, { elicitation: { form: {} }, sampling: {}, roots: {} }, name)
    t.match(await call('capabilities'), { result: { content: [{ text: '{}' }] } })
    t.match(await call('elicit'), { error: { message: /does not support/ } })
  })

  t.test(
    'a page that a server of 2025-11-25 wants to be shown first is asked for in the words of the client',
    async (t) => {
      const user = devices.makeToken()
      const at = urlOf(forwarding(user.tenant_id))
      const page = { mode: 'url', message: 'Pay first.', elicitationId: 'e1', url: 'https://legacy.example/pay' }
      const call = (elicitation: object) => askModern(user, at, { elicitation }, 'page')
      t.match(await call({ url: {} }), {
        result: {
          resultType: 'input_required',
          inputRequests: { page_0: { method: 'elicitation/create', params: page } }
        }
      })
      const error = { code: -32042, data: { elicitations: [page] } }
      t.match(await call({ form: {} }), { error }, 'who shows no pages is told as the server said it')
      const { client } = await connect(t, user, at, { capabilities: { elicitation: { url: {} } } })
      await t.rejects(client.callTool({ name: 'page' }), error)
    }
  )

  t.test('a client of 2025-11-25 that can show pages is sent to sign in by the error for it', async (t) => {
    const user = devices.makeToken()
    const at = urlOf(forwarding(user.tenant_id))
    const connect_url = `${publicUrl}/connect?provider=x`
    issuer.behave({ refuse: () => new ReportedError('no_refresh_token', 'Sign in again.', { connect_url }) })
    t.teardown(() => issuer.behave({}))
    const { client } = await connect(t, user, at, { capabilities: { elicitation: { url: {} } } })
    const elicitations = [
      { mode: 'url', message: 'Sign in again.', url: connect_url, elicitationId: /^[0-9a-f-]{36}$/ }
    ]
    const error = { code: -32042, message: /Sign in again/, data: { elicitations } }
    await t.rejects(client.callTool({ name: 'count' }), error)
    await t.rejects(client.readResource({ uri: 'test://x' }), error)
    const { error: listed } = Object(await client.listResources().catch((thrown: unknown) => ({ error: thrown })))
    t.match(listed, { code: -32000, data: { code: 'no_refresh_token', connect_url } }, 'a list asks for nothing')
    const poor = await connect(t, user, at, { capabilities: { elicitation: { form: {} } } })
    t.match(await poor.client.callTool({ name: 'count' }), {
      isError: true,
      content: [{ text: `Sign in again. ${connect_url}` }]
    })
  })

  t.test('a client whose roots are others tells one replica, and every server of the session hears it', async (t) => {
    const user = devices.makeToken()
    const { tenant_id } = user
    const at = urlOf(forwarding(tenant_id))
    const { sessionId, call } = await connect(t, user, at, { capabilities: { roots: { listChanged: true } } })
    const { session } = await call('count')
    const neighbour = await connect(t, user, at, { capabilities: { roots: { listChanged: true } } })
    const untouched = await neighbour.call('count')
    const changed = { id: undefined, method: 'notifications/roots/list_changed' }
    t.equal((await ask(user.headers, at, sessionId, { body: changed, base: there })).status, 202)
    await until(() => legacy.rooted().length > 0)
    t.same(legacy.rooted(), [session])
    t.not(session, untouched.session)
  })
}
