import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Answer, answered, createIdp, createModel, startProcess } from './model.ts'

const start = () => {
  const [model, idp] = [createModel(), createIdp()]
  return { model, idp, process: startProcess(model, idp) }
}
const cause = new Error('what the server did')
const unknown: Answer = { kind: 'unknown', cause }
const leaseMs = 600

const dead = { name: 'RefreshFailure', reason: 'dead' }
const unavailable = { name: 'RefreshFailure', reason: 'unavailable' }

t.test('what fails for the server fails for everybody who waits, whatever they want', async (t) => {
  for (const [outcome, told] of [
    [
      { kind: 'not_processed', retryAfterSeconds: 7, cause },
      { ...unavailable, retryAfterSeconds: 7, cause }
    ],
    [unknown, { ...unavailable, retryAfterSeconds: 1, cause }],
    [
      { kind: 'rejected', cause },
      { ...dead, cause }
    ]
  ] as const) {
    const { idp, process } = start()
    const callers = ['a', 'a', 'b'].map((want) => t.rejects(process.get(want), told))
    const first = await idp.next()
    await sleep(20)
    first.answer(outcome)
    await Promise.all(callers)
    t.same(idp.presented().length, 1, `${outcome.kind} is not repeated`)
  }
})

t.test('what is refused to one want is refused to that want only, and costs no presentation', async (t) => {
  const { model, idp, process } = start()
  const refusal = new Error('not this audience')
  const same = [process.get('a'), process.get('a')].map((caller) => t.rejects(caller, refusal))
  const first = await idp.next()
  const other = process.get('b')
  await sleep(20)
  first.answer({ kind: 'refused', cause: refusal, retryAfterSeconds: 0 })
  await Promise.all(same)
  const second = await idp.next()
  t.equal(model.row.attempt, 1, 'the refused presentation was taken back')
  second.answer(answered('r2', 'token b'))
  t.equal(await other, 'token b')
})

t.test('the refresh token of an answer is stored also when its token is refused', async (t) => {
  const { model, idp, process } = start()
  const refusal = new Error('opaque')
  const caller = t.rejects(process.get(), refusal)
  ;(await idp.next()).answer({ kind: 'answered', material: 'r2', refusal })
  await caller
  t.match(model.row, { material: 'r2', generation: 2, attempt: 0, leaseUntil: 0 })
})

t.test('surely not processed: nothing counts, and nobody asks before the time the server gave', async (t) => {
  const { model, idp, process } = start()
  const caller = t.rejects(process.get(), { ...unavailable, retryAfterSeconds: 9 })
  ;(await idp.next()).answer({ kind: 'not_processed', retryAfterSeconds: 9, cause })
  await caller
  t.match(model.row, { attempt: 0, owner: null, leaseUntil: 0, dead: null })
  model.advance(5_000)
  await t.rejects(process.get(), { ...unavailable, retryAfterSeconds: 4 })
  t.equal(idp.presented().length, 1)
  model.advance(4_001)
  const again = process.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await again, 'token')
})

t.test('unknown: the lease stays, nobody presents before it ends, then once more', async (t) => {
  const { model, idp, process } = start()
  const caller = t.rejects(process.get(), unavailable)
  ;(await idp.next()).answer(unknown)
  await caller
  t.match(model.row, { attempt: 1, owner: 'p1' })
  await t.rejects(process.get('a', 60), unavailable)
  await t.rejects(startProcess(model, idp, { owner: 'p2' }).get('a', 60), unavailable)
  t.equal(idp.presented().length, 1)
  model.advance(leaseMs)
  const again = process.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await again, 'token')
  t.match(model.row, { attempt: 0, generation: 2, dead: null })
})

t.test('another process presents a second time only when the first no longer waits for its answer', async (t) => {
  const { model, idp, process } = start()
  const first = process.get()
  const presentation = await idp.next()
  model.advance(leaseMs)
  const asked: string[] = []
  let isWaiting = true
  const isOwnerWaiting = async (owner: string) => {
    asked.push(owner)
    return isWaiting
  }
  const other = startProcess(model, idp, { owner: 'p2', isOwnerWaiting })
  const second = other.get()
  await sleep(60)
  t.equal(idp.presented().length, 1)
  t.same(new Set(asked), new Set(['p1']))
  isWaiting = false
  const taken = await idp.next()
  taken.answer(answered('r2', 'second'))
  t.equal(await second, 'second')
  presentation.answer(answered('lost', 'first'))
  t.equal(await first, 'second', 'the first answer came too late, and its caller gets the token of the second')
  t.equal(model.discarded.length, 1)
})

t.test('a rejection of the second presentation says that the first answer was lost', async (t) => {
  const { model, idp, process } = start()
  const first = t.rejects(process.get(), unavailable)
  ;(await idp.next()).answer(unknown)
  await first
  model.advance(leaseMs)
  const second = t.rejects(process.get(), dead)
  ;(await idp.next()).answer({ kind: 'rejected', cause })
  await second
  t.equal(model.row.dead, 'answer_lost')
})

t.test('a refresh token is never presented a third time', async (t) => {
  const { model, idp, process } = start()
  for (const _ of [1, 2]) {
    const caller = t.rejects(process.get(), unavailable)
    ;(await idp.next()).answer(unknown)
    await caller
    t.equal(model.row.dead, null, 'the answer may still arrive')
    await t.rejects(process.get('a', 20), unavailable)
    model.advance(leaseMs)
  }
  await t.rejects(process.get(), dead)
  t.equal(model.row.dead, 'answer_lost')
  t.equal(idp.presented().length, 2)
})

t.test('an owner that still stores the answer of the second presentation is not declared lost', async (t) => {
  const { model, idp } = start()
  const store = { ...model.store }
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  store.finish = async (...given) => {
    await gate
    return model.store.finish(...given)
  }
  Object.assign(model.row, { attempt: 1, owner: 'gone' })
  const holder = startProcess({ store }, idp, { owner: 'p1' })
  const first = holder.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  model.advance(leaseMs)
  const other = startProcess(model, idp, { owner: 'p2', isOwnerWaiting: async () => holder.isRunning('g') }).get()
  await sleep(40)
  t.equal(model.row.dead, null)
  open()
  t.same(await Promise.all([first, other]), ['token', 'token'])
})

t.test('a rejection kills the grant it was about', async (t) => {
  const { model, idp, process } = start()
  const caller = t.rejects(process.get(), dead)
  ;(await idp.next()).answer({ kind: 'rejected', cause })
  await caller
  t.equal(model.row.dead, 'rejected')
  await t.rejects(process.get(), dead)
  t.equal(idp.presented().length, 1)
})

t.test('a rejection does not touch what a sign-in brought meanwhile, and the caller gets its token', async (t) => {
  const { model, idp, process } = start()
  const caller = process.get()
  const first = await idp.next()
  model.signIn('new')
  first.answer({ kind: 'rejected', cause })
  ;(await idp.next()).answer(answered('new2', 'token'))
  t.equal(await caller, 'token')
  t.equal(model.row.dead, null)
})

t.test('an exchange that throws may have been processed', async (t) => {
  const { model, idp, process } = start()
  const callers = ['a', 'b'].map((want) => t.rejects(process.get(want), { ...unavailable, cause }))
  const first = await idp.next()
  await sleep(20)
  first.fail(cause)
  await Promise.all(callers)
  t.match(model.row, { attempt: 1, owner: 'p1' })
})

t.test('an exchange that never ends is given up with its lease', async (t) => {
  const { model, idp } = start()
  const process = startProcess(model, idp, { exchangeMs: 40 })
  await t.rejects(process.get(), unavailable)
  await process.settle()
  t.notOk(process.isRunning('g'))
})

t.test('a row that cannot be written is told to the caller, and the next one can try', async (t) => {
  const { model, idp } = start()
  const store = { ...model.store }
  store.take = async () => {
    store.take = model.store.take
    throw cause
  }
  const process = startProcess({ store }, idp)
  await t.rejects(process.get(), cause)
  const again = process.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await again, 'token')
})
