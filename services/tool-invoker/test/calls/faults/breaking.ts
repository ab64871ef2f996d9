import t from 'tap'
import { bothFramings, createAsking, sayLarge } from './large.ts'
import type { Setting } from './setting.ts'

/** Results that break off, or are left, while they are passed on. */
export const testBreaking = (setting: Setting): void => {
  const { broker, call, devices, forwarding, recording } = setting
  const { outcomesOf, post, ask } = createAsking(setting)

  t.test('an answer that breaks off is seen to be broken, and is on record as what it was', async (t) => {
    const user = await broker.signIn()
    const { server_identifier } = forwarding(user.tenant_id, {
      tools: [{ name: 'x', annotations: { idempotentHint: true } }]
    })
    const device = devices.makeToken({ tenant_id: user.tenant_id, user_id: user.user_id })
    const breaks: [rest: string | undefined, outcome: string][] = [
      [undefined, 'upstream_unavailable'],
      ['}', 'upstream_error'],
      ['},"result":{}}', 'upstream_error'],
      ['}},"call_id":"mine","identity":{}', 'upstream_error'],
      [',"requestState":"mine"}}', 'upstream_error']
    ]
    const ways = [
      () => post('/v1/tools/call', user.headers, { server_identifier, tool: 'x' }),
      () => ask(server_identifier, device.headers, 'modern'),
      () => ask(server_identifier, device.headers, 'legacy')
    ]
    const before = recording.calls().length
    for (const framing of bothFramings)
      for (const [rest] of breaks)
        for (const way of ways) {
          const taken = Promise.withResolvers<void>()
          recording.answer(sayLarge(rest, { untilTaken: taken.promise, framing }))
          const answer = await way()
          t.equal(answer.status, 200)
          // The head came with the first of the result.
          taken.resolve()
          await t.rejects(answer.text(), { message: 'terminated' }, `${framing} ${rest}`)
        }
    const count = bothFramings.length * breaks.length * ways.length
    t.equal(recording.calls().length - before, count, 'and none of them is made once more')
    const outcomes = (await outcomesOf(user.headers, count)).map(([, outcome]) => outcome)
    t.same(
      outcomes.toReversed(),
      bothFramings.flatMap(() => breaks.flatMap(([, outcome]) => ways.map(() => outcome)))
    )
    recording.answer(() => ({ content: [] }))
    t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
  })

  t.test('who leaves in the middle of it ends the call at the server', async (t) => {
    for (const framing of bothFramings) {
      const user = await broker.signIn()
      const { server_identifier } = forwarding(user.tenant_id)
      recording.answer(sayLarge('}}', { untilTaken: new Promise(() => {}), framing }))
      const arrived = recording.nextCall()
      const leaving = new AbortController()
      await post('/v1/tools/call', user.headers, { server_identifier, tool: 'x' }, leaving.signal)
      leaving.abort()
      await (await arrived).closed
      t.match(await outcomesOf(user.headers, 1), [[String, 'cancelled']])
    }
  })
}
