import { ReportedError } from '@onbehalf/errors'
import { until } from '@onbehalf/testkit'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { type Bus, call, defineCall, lengthOf, type ServeContext, serve, writeReply } from '../src/index.ts'
import { busesOf, inSeconds, openBackends, refusalOf } from './buses.ts'

const echo = defineCall({
  subject: 'identity-broker.echo.v1',
  callers: ['tool-invoker'],
  request: Type.Object({ text: Type.String(), inner: Type.Optional(Type.Object({ count: Type.Integer() })) }),
  reply: Type.Object({ text: Type.String() }),
  errors: ['no_refresh_token']
})
const anything = { ...echo, request: Type.Any(), reply: Type.Any() }
const ownerOnly = defineCall({ ...echo, subject: 'identity-broker.mine.v1', toEveryReplica: true })

const backends = await openBackends(t)
const open = busesOf(t, backends)
const [asker, owner, replica] = await Promise.all([
  open('tool-invoker'),
  open('identity-broker'),
  open('identity-broker')
])

type Handler = (request: { text: string }, context: ServeContext) => Promise<{ text: string } | undefined>

/** Serves until the test ends, and knows that the server has heard of it. */
const serving = async (t: Tap, bus: Bus, handler: Handler, contract: typeof echo = echo) => {
  const reported: unknown[] = []
  const served = serve(bus, contract, handler, ({ error }) => void reported.push(error))
  await bus.connection.flush()
  t.teardown(() => served.stop())
  return { reported, stop: served.stop }
}
type Tap = { teardown: (handler: () => Promise<void>) => unknown }

t.test('an answer comes back as it was given', async (t) => {
  await serving(t, owner, async ({ text }) => ({ text: `${text}!` }))
  t.same(await call(asker, echo, { text: 'hello' }, inSeconds(20)), { text: 'hello!' })
})

t.test('an error the contract names arrives as the same error, with what goes with it', async (t) => {
  const extras = {
    connect_url: 'https://onbehalf.example/connect',
    authorize_url: 'https://as.example/authorize',
    retry_after_seconds: 3,
    details: [{ path: 'user_id', message: 'never signed in' }]
  }
  const { reported } = await serving(t, owner, async () => {
    throw new ReportedError('no_refresh_token', 'Sign in first.', { ...extras, cause: new Error('the row says why') })
  })
  const refused = await refusalOf(call(asker, echo, { text: '' }, inSeconds(20)))
  t.same(refused, { code: 'no_refresh_token', message: 'Sign in first.', ...extras })
  t.same(reported, [], 'a refusal is nothing to report')
})

t.test('an error the contract does not name becomes internal, and its words stay behind', async (t) => {
  const thrown = [new ReportedError('forbidden', 'hidden words'), new Error('hidden words'), 'hidden words']
  const { reported } = await serving(t, owner, async ({ text }) => {
    throw thrown[Number(text)]
  })
  for (const [index] of thrown.entries()) {
    const refused = await refusalOf(call(asker, echo, { text: String(index) }, inSeconds(20)))
    t.equal(refused.code, 'internal')
    t.notMatch(refused, /hidden words/)
  }
  t.same(reported, thrown)
})

t.test('a request that is not as agreed is refused by field on both sides', async (t) => {
  let heard = 0
  await serving(t, owner, async ({ text }) => {
    heard += 1
    return { text }
  })
  const bad = { text: 'x', inner: { count: 'many' } }
  const refused = await refusalOf(call(asker, anything, bad, inSeconds(20)))
  t.match(refused, { code: 'invalid_request', details: [{ path: '/inner/count' }] })
  const unasked = JSON.parse('{"text":1}')
  await t.rejects(call(asker, echo, unasked, inSeconds(20)), { message: /with a bad \/text/ })
  t.equal(heard, 0, 'no handler saw it')
})

t.test('an answer that is not as agreed is internal at the owner and loud at the asker', async (t) => {
  const wrong = JSON.parse('{"text":7}')
  const { reported, stop } = await serving(t, owner, async () => wrong)
  t.match(await refusalOf(call(asker, echo, { text: '' }, inSeconds(20))), { code: 'internal' })
  t.match(reported, [{ message: /bad \/text/ }])
  await stop()
  const lenient = serve(owner, anything, async () => wrong)
  await owner.connection.flush()
  await t.rejects(call(asker, echo, { text: '' }, inSeconds(20)), { message: /answered with a bad \/text/ })
  await lenient.stop()
})

t.test('an answer that was written once is given as often as it is asked for', async (t) => {
  const written = writeReply(echo, { text: 'ü, the same' })
  const served = serve(owner, echo, async () => written)
  t.teardown(() => served.stop())
  await owner.connection.flush()
  for (const text of ['one', 'two']) t.same(await call(asker, echo, { text }, inSeconds(20)), { text: 'ü, the same' })
  t.equal(lengthOf(written), Buffer.byteLength(JSON.stringify({ text: 'ü, the same' })))
  t.throws(() => writeReply(echo, { text: JSON.parse('5') }), /with a bad \/text/, 'and never a wrong one')
})

t.test('an answer that does not fit into a message is internal', async (t) => {
  const { reported } = await serving(t, owner, async () => ({ text: 'x'.repeat(2_000_000) }))
  t.match(await refusalOf(call(asker, echo, { text: '' }, inSeconds(20))), { code: 'internal' })
  t.equal(reported.length, 1)
})

t.test('an error of a kind nobody knows is internal', async (t) => {
  const served = serve(owner, anything, async () => ({}))
  await served.stop()
  const { headers } = await import('nats')
  const marked = headers()
  marked.set('Onbehalf-Error', 'made_up')
  const subscription = owner.connection.subscribe(echo.subject, {
    callback: (_failure, message) =>
      void message.respond('{"code":"made_up","message":"hidden words"}', { headers: marked })
  })
  await owner.connection.flush()
  const refused = await refusalOf(call(asker, echo, { text: '' }, inSeconds(20)))
  subscription.unsubscribe()
  await owner.connection.flush()
  t.equal(refused.code, 'internal')
  t.notMatch(refused, /hidden words/)
})

t.test('when nobody serves, the asker knows at once that it can try again', async (t) => {
  // Long before this deadline.
  const refused = await refusalOf(call(asker, echo, { text: '' }, inSeconds(600)))
  t.match(refused, { code: 'unavailable', retry_after_seconds: 1 })
})

t.test(
  'when the last of those who serve is gone with the question, its asker knows long before the deadline',
  async (t) => {
    const { promise: taken, resolve: take } = Promise.withResolvers<void>()
    const { promise: gate, resolve: release } = Promise.withResolvers<void>()
    const dying = await open('identity-broker')
    await serving(t, dying, async ({ text }) => {
      take()
      await gate
      return { text }
    })
    const refusal = refusalOf(call(asker, echo, { text: '' }, inSeconds(600)))
    await taken
    await dying.connection.close()
    t.match(await refusal, { code: 'unavailable', retry_after_seconds: 1 })
    release()
  }
)

t.test('a question that takes long is asked once', async (t) => {
  let asked = 0
  const { promise: gate, resolve: release } = Promise.withResolvers<void>()
  await serving(t, owner, async ({ text }) => {
    asked += 1
    await gate
    return { text }
  })
  const looked = new Promise<void>((resolve) => {
    const watching = replica.connection.subscribe(echo.subject, {
      callback: (_, { headers }) => headers?.has('Onbehalf-Presence') && resolve()
    })
    t.teardown(() => watching.unsubscribe())
  })
  await replica.connection.flush()
  const answer = call(asker, echo, { text: 'late' }, inSeconds(600))
  await looked
  release()
  t.same(await answer, { text: 'late' })
  t.equal(asked, 1)
})

t.test('a deadline that passes ends the waiting; one that has passed asks nobody', async (t) => {
  let asked = 0
  const { promise: gate, resolve: release } = Promise.withResolvers<void>()
  await serving(t, owner, async ({ text }) => {
    asked += 1
    await gate
    return { text }
  })
  t.match(await refusalOf(call(asker, echo, { text: '' }, inSeconds(0.5))), { code: 'unavailable', message: /in time/ })
  await until(() => asked > 0)
  t.match(await refusalOf(call(asker, echo, { text: '' }, inSeconds(-1))), { code: 'unavailable', message: /in time/ })
  release()
  t.equal(asked, 1)
})

t.test('deadline and trace travel with the call', async (t) => {
  const seen: ServeContext[] = []
  await serving(t, owner, async ({ text }, context) => {
    seen.push(context)
    return { text }
  })
  const deadlineAt = Date.now() + 60_000
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  await call(asker, echo, { text: '' }, { deadlineAt, traceparent })
  await call(asker, echo, { text: '' }, { deadlineAt })
  t.equal(seen[0]?.traceparent, traceparent)
  t.equal(seen[1]?.traceparent, undefined)
  // It travels as the time that is left, so the way there is added to it.
  const late = (seen[0]?.deadlineAt ?? 0) - deadlineAt
  t.ok(late >= -1 && late <= Date.now() - (deadlineAt - 60_000), `${late} ms`)
})

t.test('one of two replicas answers each call, and both take part', async (t) => {
  const heard = { owner: 0, replica: 0 }
  const count = (who: 'owner' | 'replica') => async () => {
    heard[who] += 1
    return { text: who }
  }
  await serving(t, owner, count('owner'))
  await serving(t, replica, count('replica'))
  const texts = Array.from({ length: 60 }, () => call(asker, echo, { text: '' }, inSeconds(20)))
  await Promise.all(texts)
  t.equal(heard.owner + heard.replica, 60)
  t.ok(heard.owner > 0 && heard.replica > 0)
})

t.test('a call to every replica is answered by the one that is meant', async (t) => {
  const heard: string[] = []
  const answerTo =
    (name: string): Handler =>
    async ({ text }) => {
      heard.push(name)
      return text === name ? { text: name } : undefined
    }
  await serving(t, owner, answerTo('owner'), ownerOnly)
  await serving(t, replica, answerTo('replica'), ownerOnly)
  t.same(await call(asker, ownerOnly, { text: 'replica' }, inSeconds(20)), { text: 'replica' })
  t.same(await call(asker, ownerOnly, { text: 'owner' }, inSeconds(20)), { text: 'owner' })
  await until(() => heard.length >= 4)
  t.same(heard.sort(), ['owner', 'owner', 'replica', 'replica'])
  const silence = call(asker, ownerOnly, { text: 'gone' }, inSeconds(0.1))
  t.match(await refusalOf(silence), { code: 'unavailable', message: /in time/ })
})

t.test('stopping takes no more calls and finishes the one under way', async (t) => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: gate, resolve: release } = Promise.withResolvers<void>()
  const { stop } = await serving(t, owner, async ({ text }) => {
    begin()
    await gate
    return { text }
  })
  const running = call(asker, echo, { text: 'running' }, inSeconds(60))
  await begun
  let isStopped = false
  const stopped = stop().then(() => {
    isStopped = true
  })
  await owner.connection.flush()
  t.match(await refusalOf(call(asker, echo, { text: 'late' }, inSeconds(20))), { code: 'unavailable' })
  t.notOk(isStopped)
  const { outMsgs } = asker.connection.stats()
  await until(() => asker.connection.stats().outMsgs > outMsgs)
  await asker.connection.flush()
  release()
  t.same(await running, { text: 'running' }, 'also for an asker who looked whether anybody is there')
  await stopped
})

t.test('a bus that is away is unavailable at once, lets stop and drain end, and comes back by itself', async (t) => {
  const leaving = await open('identity-broker')
  const leavingServed = serve(leaving, ownerOnly, async () => undefined)
  await serving(t, owner, async ({ text }) => ({ text }))
  await backends.nats.stop()
  await until(() => !asker.isConnected() && !owner.isConnected() && !leaving.isConnected())
  t.match(await refusalOf(call(asker, echo, { text: '' }, inSeconds(600))), { code: 'unavailable' })
  await leavingServed.stop()
  await leaving.drain()
  await backends.nats.restart()
  await until(() => asker.isConnected() && owner.isConnected())
  await owner.connection.flush()
  t.same(await call(asker, echo, { text: 'again' }, inSeconds(20)), { text: 'again' })
})

t.test('a bus whose server goes away while it drains is closed all the same', async (t) => {
  const leaving = await open('identity-broker')
  await backends.nats.stop()
  await leaving.drain()
  t.ok(leaving.connection.isClosed())
  await backends.nats.restart()
  await until(() => asker.isConnected() && owner.isConnected())
})

t.test('a bus that was closed is unavailable', async (t) => {
  const closed = await open('tool-invoker')
  await closed.drain()
  await closed.drain()
  t.match(await refusalOf(call(closed, echo, { text: '' }, inSeconds(20))), { code: 'unavailable' })
})
