import t from 'tap'
import { afterStoring } from '../src/index.ts'
import { answered, play, settled, startProcess } from './play.ts'

const hundred = Array.from({ length: 100 })

t.test('a stored token is handed out without asking the server', async (t) => {
  const { model, idp, process } = play()
  model.keep('a', 'stored')
  t.equal(await process.get(), 'stored')
  t.same(idp.presented(), [])
})

t.test('a hundred callers cost one presentation and get its token', async (t) => {
  const { model, idp, process } = play()
  const callers = hundred.map(() => process.get())
  const first = await idp.next()
  t.ok(process.isRunning('g'))
  first.answer(answered('r2', 'token'))
  t.same(new Set(await Promise.all(callers)), new Set(['token']))
  t.same(idp.presented(), ['r1 for a'])
  t.match(model.row(), { material: 'r2', generation: 2, attempt: 0, owner: null, leaseUntil: 0 })
  t.notOk(process.isRunning('g'))
})

t.test('callers share a token that is too short-lived to be handed out from the store', async (t) => {
  const { model, idp, process } = play()
  const { look } = model.store
  model.store.look = async (...given) => {
    const seen = await look(...given)
    return seen && { ...seen, token: undefined }
  }
  const callers = hundred.map(() => process.get())
  const first = await idp.next()
  await settled()
  first.answer(answered('r2', 'short'))
  t.same(new Set(await Promise.all(callers)), new Set(['short']))
  t.same(idp.presented(), ['r1 for a'])
})

t.test('two processes that begin at once present once', async (t) => {
  const { model, idp } = play()
  const processes = [startProcess(model, idp, { owner: 'p1' }), startProcess(model, idp, { owner: 'p2' })]
  const callers = processes.flatMap((process) => [process.get(), process.get()])
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.same(new Set(await Promise.all(callers)), new Set(['token']))
  t.same(idp.presented(), ['r1 for a'])
})

t.test('who has looked already is believed, and what was stored since then is found', async (t) => {
  const { model, idp, process } = play()
  const { look } = model.store
  let looks = 0
  model.store.look = async (...given) => {
    looks += 1
    return look(...given)
  }
  const before = await look('g', 'a')
  const first = process.obtain('g', 'a', Date.now() + 10_000, before)
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await first, 'token')
  t.equal(looks, 0)
  t.equal(await process.obtain('g', 'a', Date.now() + 10_000, await look('g', 'a')), 'token')
  t.equal(looks, 0)
  t.equal(await process.obtain('g', 'a', Date.now() + 10_000, before), 'token', 'though it was not there yet')
  t.same(idp.presented(), ['r1 for a'])
})

t.test('who stored the last token need not look, and is found out where anything happened since', async (t) => {
  const { model, idp, process } = play()
  const { look } = model.store
  let looks = 0
  model.store.look = async (...given) => {
    looks += 1
    return look(...given)
  }
  const first = process.obtain('g', 'a', Date.now() + 10_000, afterStoring(1))
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await first, 'token')
  t.equal(looks, 0)
  t.equal(await process.obtain('g', 'a', Date.now() + 10_000, afterStoring(1)), 'token', 'another one stored it')
  t.equal(await process.obtain('g', 'a', Date.now() + 10_000, afterStoring(2)), 'token', 'it has not ended')
  model.signIn('new')
  const next = process.obtain('g', 'a', Date.now() + 10_000, afterStoring(2))
  ;(await idp.next()).answer(answered('new2', 'next'))
  t.equal(await next, 'next')
  t.same(idp.presented(), ['r1 for a', 'new for a'])
  model.revoke()
  await t.rejects(process.obtain('g', 'a', Date.now() + 10_000, afterStoring(4)), { message: /no longer holds/ })
})

t.test('a caller that looked just before another process stored its token does not refresh again', async (t) => {
  const { model, idp } = play()
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const slow = startProcess({ store: { ...model.store } }, idp, { owner: 'p2' })
  const lateStore = { ...model.store }
  let looks = 0
  lateStore.look = async (...given) => {
    const found = await model.store.look(...given)
    looks += 1
    if (looks === 1) await gate
    return found
  }
  const caller = startProcess({ store: lateStore }, idp, { owner: 'p1' }).get()
  const other = slow.get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await other, 'token')
  open()
  t.equal(await caller, 'token')
  t.same(idp.presented(), ['r1 for a'])
})

t.test(
  'who wants another token waits for the refresh under way, then refreshes with the next refresh token',
  async (t) => {
    const { idp, process } = play()
    const first = process.get('a')
    const presentation = await idp.next()
    const others = [process.get('b'), process.get('b')]
    await settled()
    t.same(idp.presented(), ['r1 for a'], 'nothing else is sent meanwhile')
    presentation.answer(answered('r2', 'token a'))
    ;(await idp.next()).answer(answered(undefined, 'token b'))
    t.equal(await first, 'token a')
    t.same(await Promise.all(others), ['token b', 'token b'])
    t.same(idp.presented(), ['r1 for a', 'r2 for b'])
  }
)

t.test('tokens that were emptied while one was fetched are fetched again, and the refresh token is kept', async (t) => {
  const { model, idp, process } = play()
  const caller = process.get()
  const first = await idp.next()
  model.empty()
  first.answer(answered('r2', 'emptied'))
  ;(await idp.next()).answer(answered('r3', 'fresh'))
  t.equal(await caller, 'fresh')
  t.same(idp.presented(), ['r1 for a', 'r2 for a'])
})

t.test('an answer for a grant that moved on is discarded, and nobody gets its token', async (t) => {
  const { model, idp, process } = play()
  const caller = process.get()
  const first = await idp.next()
  model.signIn('new')
  const late = answered('r2', 'late')
  first.answer(late)
  ;(await idp.next()).answer(answered('new2', 'fresh'))
  t.equal(await caller, 'fresh')
  t.same(model.discarded(), [late])
  t.same(idp.presented(), ['r1 for a', 'new for a'])
})

t.test(
  'an answer for a grant that was revoked meanwhile is discarded, and the caller is told that it is dead',
  async (t) => {
    const { model, idp, process } = play()
    const caller = process.get()
    const first = await idp.next()
    model.revoke()
    first.answer(answered('r2', 'late'))
    await t.rejects(caller, { name: 'RefreshFailure', reason: 'dead' })
    t.equal(model.discarded().length, 1)
    t.equal(model.row().material, 'r1')
  }
)

t.test('an answer is stored as soon as the store can be reached again, without asking twice', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store }
  let failures = 2
  store.finish = async (...given) => {
    failures -= 1
    if (failures >= 0) throw new Error('the database is away')
    return model.store.finish(...given)
  }
  const caller = startProcess({ store }, idp).get()
  ;(await idp.next()).answer(answered('r2', 'token'))
  t.equal(await caller, 'token')
  t.same(idp.presented(), ['r1 for a'])
})

t.test("a caller's deadline ends its waiting and not the refresh", async (t) => {
  const { model, idp, process } = play()
  const caller = process.get('a', 30)
  const first = await idp.next()
  await t.rejects(caller, { name: 'RefreshFailure', reason: 'unavailable', retryAfterSeconds: 1 })
  t.ok(process.isRunning('g'))
  const settled = process.settle()
  first.answer(answered('r2', 'token'))
  await settled
  t.match(await model.store.look('g', 'a'), { token: 'token' })
  t.equal(await process.get(), 'token')
})

t.test('a store that hangs holds a caller no longer than its deadline', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store, look: () => new Promise<undefined>(() => {}) }
  await t.rejects(startProcess({ store }, idp).get('a', 50), { message: /no token can be had/ })
})

t.test('nothing is waiting when nothing runs', async () => play().process.settle())

t.test('a grant that does not exist is dead', async (t) => {
  const { process } = play()
  await t.rejects(process.obtain('other', 'a', Date.now() + 1000), { message: /no longer holds/ })
})

t.test('who leaves begins nothing any more, and stores what is under way', async (t) => {
  const { model, idp, process } = play()
  const under = process.get('a')
  const first = await idp.next()
  const late = process.get('b')
  const settled = process.settle()
  first.answer(answered('r2', 'token'))
  t.equal(await under, 'token')
  await settled
  await t.rejects(late, { name: 'RefreshFailure', reason: 'unavailable' })
  t.match(model.row(), { material: 'r2', generation: 2, owner: null })
  t.same(idp.presented(), ['r1 for a'])
})

t.test('who comes after tokens were emptied gets none from before', async (t) => {
  const { model, idp } = play()
  const store = { ...model.store }
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const { promise: stored, resolve: tell } = Promise.withResolvers<void>()
  store.finish = async (...given) => {
    const done = await model.store.finish(...given)
    tell()
    await gate
    return done
  }
  const process = startProcess({ store }, idp)
  const early = process.get()
  ;(await idp.next()).answer(answered('r2', 'first'))
  await stored
  model.empty()
  store.finish = model.store.finish
  const late = process.get()
  await settled()
  open()
  t.equal(await early, 'first')
  ;(await idp.next()).answer(answered('r3', 'second'))
  t.equal(await late, 'second')
})
