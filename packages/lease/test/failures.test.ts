import t from 'tap'
import { systemClock } from '../src/clock.ts'
import type { Outcome } from '../src/index.ts'
import { answered, play, settled, startProcess } from './play.ts'

const cause = new Error('what the server did')
const unknown: Outcome<string, string> = { kind: 'unknown', cause }
const leaseMs = 6_000

const dead = { name: 'RefreshFailure', reason: 'dead' }
const unavailable = { name: 'RefreshFailure', reason: 'unavailable' }

t.test('what fails for the server fails for everybody who waits, whatever they want', async (t) => {
  for (const [outcome, told] of [
    [
      { kind: 'not_processed', retryAfterMs: 7000, cause },
      { ...unavailable, retryAfterSeconds: 7, cause }
    ],
    [unknown, { ...unavailable, retryAfterSeconds: 6, cause }],
    [
      { kind: 'rejected', cause },
      { ...dead, cause }
    ]
  ] as const) {
    const { idp, process } = play()
    const callers = ['a', 'a', 'b'].map((want) => t.rejects(process.get(want), told))
    const first = await idp.next()
    await settled()
    first.answer(outcome)
    await Promise.all(callers)
    t.same(idp.presented().length, 1, `${outcome.kind} is not repeated`)
  }
})

t.test('what is refused to one want is refused to that want only, and costs no presentation', async (t) => {
  const { model, idp, process } = play()
  const refusal = new Error('not this audience')
  const same = [process.get('a'), process.get('a')].map((caller) => t.rejects(caller, refusal))
  const first = await idp.next()
  const other = process.get('b')
  await settled()
  first.answer({ kind: 'refused', cause: refusal, retryAfterMs: 0 })
  await Promise.all(same)
  const second = await idp.next()
  t.equal(model.row().attempt, 1, 'the refused presentation was taken back')
  second.answer(answered('r2', 'token b'))
  t.equal(await other, 'token b')
})

t.test('surely not processed: nothing counts, and nobody asks before the time the server gave', async (t) => {
  const { model, idp, process } = play()
  const caller = t.rejects(process.get(), { ...unavailable, retryAfterSeconds: 9 })
  ;(await idp.next()).answer({ kind: 'not_processed', retryAfterMs: 9000, cause })
  await caller
  t.match(model.row(), { attempt: 0, owner: null, leaseUntil: 0, dead: null })
  model.advance(5_000)
  await t.rejects(process.get(), { ...unavailable, retryAfterSeconds: 4 })
  t.equal(idp.presented().length, 1)
  model.advance(4_001)
  const again = process.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await again, 'token')
})

t.test('unknown, though the server answered: it is left alone at least as long, and nobody waits for it', async (t) => {
  const { model, idp, process } = play()
  const caller = t.rejects(process.get(), { ...unavailable, retryAfterSeconds: 9 })
  ;(await idp.next()).answer({ kind: 'unknown', retryAfterMs: 9000, cause })
  await caller
  t.match(model.row(), { attempt: 1, owner: null, leaseUntil: 0, dead: null })
  await t.rejects(startProcess(model, idp, { owner: 'p2' }).get(), unavailable)
  model.advance(9_001)
  const again = process.get()
  ;(await idp.next()).answer({ kind: 'unknown', retryAfterMs: 0, cause })
  await t.rejects(again, unavailable)
  await t.rejects(process.get(), unavailable, 'at least until the lease would have ended')
})

t.test(
  'a server in trouble ends no grant, however often it says so; a rejection after it is a lost answer',
  async (t) => {
    const { model, idp, process } = play()
    for (const time of ['first', 'second', 'third']) {
      const caller = t.rejects(process.get(), unavailable)
      ;(await idp.next()).answer({ kind: 'unknown', retryAfterMs: 0, cause })
      await caller
      t.match(model.row(), { attempt: 1, dead: null }, time)
      model.advance(leaseMs)
    }
    const caller = t.rejects(process.get(), dead)
    ;(await idp.next()).answer({ kind: 'rejected', cause })
    await caller
    t.match(model.row(), { dead: 'answer_lost' })
  }
)

t.test('unknown: the lease stays, nobody presents before it ends, then once more', async (t) => {
  const { model, idp, process } = play()
  const caller = t.rejects(process.get(), unavailable)
  ;(await idp.next()).answer(unknown)
  await caller
  t.match(model.row(), { attempt: 1, owner: 'p1' })
  await t.rejects(process.get('a', 60), unavailable)
  await t.rejects(startProcess(model, idp, { owner: 'p2' }).get('a', 60), unavailable)
  t.equal(idp.presented().length, 1)
  model.advance(leaseMs)
  const again = process.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await again, 'token')
  t.match(model.row(), { attempt: 0, generation: 2, dead: null })
})

t.test('another process presents a second time only when the first no longer waits for its answer', async (t) => {
  const { model, idp, process } = play()
  const first = process.get()
  const presentation = await idp.next()
  model.advance(leaseMs)
  const asked: string[] = []
  const { promise: askedAgain, resolve: tell } = Promise.withResolvers<void>()
  let isWaiting = true
  const isOwnerWaiting = async (owner: string) => {
    asked.push(owner)
    if (asked.length === 3) tell()
    return isWaiting
  }
  const other = startProcess(model, idp, { owner: 'p2', isOwnerWaiting })
  const second = other.get()
  await askedAgain
  t.equal(idp.presented().length, 1)
  t.same(new Set(asked), new Set(['p1']))
  isWaiting = false
  const taken = await idp.next()
  taken.answer(answered('r2', 'second'))
  t.equal(await second, 'second')
  presentation.answer(answered('lost', 'first'))
  t.equal(await first, 'second', 'the first answer came too late, and its caller gets the token of the second')
  t.equal(model.discarded().length, 1)
})

t.test('a rejection of the second presentation says that the first answer was lost', async (t) => {
  const { model, idp, process } = play()
  const first = t.rejects(process.get(), unavailable)
  ;(await idp.next()).answer(unknown)
  await first
  model.advance(leaseMs)
  const second = t.rejects(process.get(), dead)
  ;(await idp.next()).answer({ kind: 'rejected', cause })
  await second
  t.equal(model.row().dead, 'answer_lost')
})

t.test('a refresh token is never presented a third time', async (t) => {
  const { model, idp, process } = play()
  for (const _ of [1, 2]) {
    const caller = t.rejects(process.get(), unavailable)
    ;(await idp.next()).answer(unknown)
    await caller
    t.equal(model.row().dead, null, 'the answer may still arrive')
    await t.rejects(process.get('a', 20), unavailable)
    model.advance(leaseMs)
  }
  await t.rejects(process.get(), dead)
  t.equal(model.row().dead, 'answer_lost')
  t.equal(idp.presented().length, 2)
})

t.test('an owner that still stores the answer of the second presentation is not declared lost', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store }
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  store.finish = async (...given) => {
    await gate
    return model.store.finish(...given)
  }
  Object.assign(model.row(), { attempt: 1, owner: 'gone' })
  const holder = startProcess({ store }, idp, { owner: 'p1' })
  const first = holder.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  model.advance(leaseMs)
  let asked = 0
  const { promise: askedAgain, resolve: tell } = Promise.withResolvers<void>()
  const isOwnerWaiting = async () => {
    asked += 1
    if (asked === 3) tell()
    return holder.isRunning('g')
  }
  const other = startProcess(model, idp, { owner: 'p2', isOwnerWaiting }).get()
  await askedAgain
  t.equal(model.row().dead, null)
  open()
  t.same(await Promise.all([first, other]), ['token', 'token'])
})

t.test('a rejection kills the grant it was about', async (t) => {
  const { model, idp, process } = play()
  const caller = t.rejects(process.get(), dead)
  ;(await idp.next()).answer({ kind: 'rejected', cause })
  await caller
  t.equal(model.row().dead, 'rejected')
  await t.rejects(process.get(), dead)
  t.equal(idp.presented().length, 1)
})

t.test('a rejection does not touch what a sign-in brought meanwhile, and the caller gets its token', async (t) => {
  const { model, idp, process } = play()
  const caller = process.get()
  const first = await idp.next()
  model.signIn('new')
  first.answer({ kind: 'rejected', cause })
  ;(await idp.next()).answer(answered('new2', 'token'))
  t.equal(await caller, 'token')
  t.equal(model.row().dead, null)
})

t.test('an exchange that throws may have been processed', async (t) => {
  const { model, idp, process } = play()
  const callers = ['a', 'b'].map((want) => t.rejects(process.get(want), { ...unavailable, cause }))
  const first = await idp.next()
  await settled()
  first.fail(cause)
  await Promise.all(callers)
  t.match(model.row(), { attempt: 1, owner: 'p1' })
})

t.test('an exchange that never ends is given up all the same', async (t) => {
  const { model, idp } = play()
  const process = startProcess(model, idp, { exchangeMs: 40 })
  await t.rejects(process.get(), unavailable)
  await process.settle()
  t.notOk(process.isRunning('g'))
})

t.test('a row that cannot be written is told to the caller, and the next one can try', async (t) => {
  const { model, idp } = play()
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

t.test('a lease that is got too late to be used is given back, and nothing is presented under it', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store }
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const { promise: taken, resolve: tell } = Promise.withResolvers<void>()
  let takes = 0
  store.take = async (...given) => {
    takes += 1
    const lease = await model.store.take(...given)
    tell()
    if (takes === 1) await gate
    return lease
  }
  let ahead = 0
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  const process = startProcess({ store }, idp, { exchangeMs: 400, clock })
  const caller = process.get()
  await taken
  ahead = 300
  open()
  const presentation = await idp.next()
  t.equal(takes, 2, 'it is taken anew')
  t.match(model.row(), { attempt: 1 })
  presentation.answer(answered('r2', 'token'))
  t.equal(await caller, 'token')
  t.equal(idp.presented().length, 1)
})

t.test('a lease of which nobody can say whether it was taken is given back', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store }
  store.take = async (...given) => {
    await model.store.take(...given)
    throw cause
  }
  await t.rejects(startProcess({ store }, idp).get(), cause)
  t.match(model.row(), { attempt: 0, owner: null, leaseUntil: 0 })
  t.same(idp.presented(), [])
})

t.test('a store that hangs ends the try, and the answer is stored by the next one', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store }
  store.finish = async (...given) => {
    store.finish = model.store.finish
    return new Promise(() => given)
  }
  const caller = startProcess({ store }, idp, { exchangeMs: 100 }).get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await caller, 'token')
})

t.test('an answer that cannot be stored for too long is given up', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store, finish: async () => Promise.reject(cause) }
  const process = startProcess({ store }, idp, { storeMs: 300 })
  const caller = t.rejects(process.get(), cause)
  ;(await idp.next()).answer(answered('r2', 'token'))
  await caller
  t.notOk(process.isRunning('g'))
})
