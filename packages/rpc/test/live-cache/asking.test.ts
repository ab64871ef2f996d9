import { setImmediate as turn } from 'node:timers/promises'
import { ReportedError } from '@onbehalf/errors'
import t from 'tap'
import { start, v } from './stage.ts'

t.test('callers of one key at once share one load; later ones find what is held', async (t) => {
  const { cache, loads, load } = start()
  const callers = [cache.get('a'), cache.get('a'), cache.get('b')]
  t.equal(cache.peek('a'), undefined)
  load(0).answer(v(1))
  load(1).answer(v(2))
  t.same(await Promise.all(callers), [v(1), v(1), v(2)])
  t.same(await cache.get('a'), v(1))
  t.same(cache.peek('a'), v(1))
  t.same(
    loads.map(({ key }) => key),
    ['a', 'b']
  )
})

t.test('an error is told to who waits, and not held', async (t) => {
  const { cache, load } = start()
  const callers = [cache.get('a'), cache.get('a')]
  load(0).fail(new Error('away'))
  await Promise.all(callers.map((caller) => t.rejects(caller, { message: 'away' })))
  t.equal(cache.size(), 0)
  const again = cache.get('a')
  load(1).answer(v(1))
  t.same(await again, v(1))
})

t.test('a change of what a value depends on drops it, and nothing else', async (t) => {
  const { cache, hold } = start()
  await hold('a', v(1, 'user:1', 'app:1'))
  await hold('b', v(1, 'user:1'))
  await hold('c', v(1, 'user:2'))
  cache.dropTag('user:1')
  t.same([cache.peek('a'), cache.peek('b'), cache.peek('c')], [undefined, undefined, v(1, 'user:2')])
  await hold('a', v(2, 'user:3'))
  cache.dropTag('app:1')
  t.same(cache.peek('a'), v(2, 'user:3'), 'it no longer depends on what an older version did')
  cache.delete('a')
  t.equal(cache.peek('a'), undefined)
  cache.dropAll()
  t.equal(cache.size(), 0)
})

t.test('a replaced value leaves no trace in the tags of the old one', async (t) => {
  const { cache, clock, hold, load } = start()
  await hold('a', v(1, 'user:1'))
  clock.time += 20_000
  await cache.get('a')
  load(1).answer(v(2, 'user:2'))
  await turn()
  cache.dropTag('user:1')
  t.same(cache.peek('a'), v(2, 'user:2'))
})

t.test('a value is not used after its end, nor past the age at which a revocation must act', async (t) => {
  const { cache, clock, hold } = start()
  await hold('short', { ...v(1), expiresAt: clock.time + 10 })
  await hold('long', v(1))
  clock.time += 9
  t.ok(cache.peek('short'))
  clock.time += 1
  t.equal(cache.peek('short'), undefined)
  clock.time += 29_989
  t.ok(cache.peek('long'))
  clock.time += 1
  t.equal(cache.peek('long'), undefined)
})

t.test('the age of a value counts from when it was asked for', async (t) => {
  const { cache, clock, load } = start()
  const asked = cache.get('a')
  clock.time += 29_000
  load(0).answer(v(1))
  await asked
  clock.time += 1_000
  t.equal(cache.peek('a'), undefined)
})

t.test('the age of a value that another cache had held counts from when it was certain', async (t) => {
  const { cache, clock, hold, load, loads } = start({ trueAtOf: ({ version }) => version })
  clock.time = 50_000
  await hold('a', v(30_000))
  t.same(cache.peek('a'), v(30_000), 'still of use')
  t.equal(loads.length, 2, 'and old enough to be asked for again')
  clock.time += 10_000
  t.equal(cache.peek('a'), undefined)
  load(1).answer(v(90_000))
  await turn()
  t.same(cache.peek('a'), v(90_000))
  clock.time = 80_000
  t.equal(cache.peek('a'), undefined, 'a time later than the question counts from the question')
})

t.test('an older value is used while the owner is asked again, once, in the background', async (t) => {
  const { cache, clock, loads, hold, load } = start()
  await hold('a', v(1, 'user:1'))
  clock.time += 19_999
  t.same(await cache.get('a'), v(1, 'user:1'))
  t.equal(loads.length, 1)
  clock.time += 1
  t.same(await cache.get('a'), v(1, 'user:1'))
  t.same(cache.peek('a'), v(1, 'user:1'))
  t.equal(loads.length, 2)
  load(1).answer(v(2, 'user:1'))
  await turn()
  t.same(cache.peek('a'), v(2, 'user:1'))
  t.equal(loads.length, 2)
})

t.test("a refusal in the background is the owner's word: the value is dropped", async (t) => {
  for (const code of ['invalid_bearer', 'not_found', 'policy_denied'] as const) {
    const { cache, clock, hold, load } = start()
    await hold('a', v(1))
    clock.time += 20_000
    await cache.get('a')
    load(1).fail(new ReportedError(code, 'gone'))
    await turn()
    t.equal(cache.peek('a'), undefined, code)
  }
})

t.test('an answer in the background that has ended takes the place of what was held', async (t) => {
  const { cache, clock, hold, load } = start()
  await hold('a', v(1))
  clock.time += 20_000
  t.same(cache.peek('a'), v(1))
  load(1).answer({ ...v(2), expiresAt: clock.time })
  await turn()
  t.equal(cache.peek('a'), undefined)
  t.equal(cache.size(), 0)
})

t.test('a failure to ask in the background leaves the value until its age ends', async (t) => {
  const away = new ReportedError('unavailable', 'away')
  const busy = new ReportedError('too_many_requests', 'busy')
  for (const failure of [away, busy, new Error('broken')]) {
    const { cache, clock, hold, load } = start()
    await hold('a', v(1))
    clock.time += 20_000
    await cache.get('a')
    load(1).fail(failure)
    await turn()
    t.same(cache.peek('a'), v(1))
    load(2).fail(failure)
    clock.time += 10_000
    t.equal(cache.peek('a'), undefined)
  }
})

t.test(
  'what was being loaded when it was emptied is answered but not kept, and nobody joins it afterwards',
  async (t) => {
    const emptyings: [string, (cache: ReturnType<typeof start>['cache']) => void][] = [
      ['by tag', (cache) => cache.dropTag('user:1')],
      ['all', (cache) => cache.dropAll()],
      ['by key', (cache) => cache.delete('a')]
    ]
    for (const [how, empty] of emptyings) {
      const { cache, load } = start()
      const before = cache.get('a')
      empty(cache)
      const after = cache.get('a')
      load(0).answer(v(1, 'user:1'))
      t.same(await before, v(1, 'user:1'))
      t.equal(cache.peek('a'), undefined, `${how}: the older answer is not kept`)
      load(1).answer(v(2, 'user:1'))
      t.same(await after, v(2, 'user:1'), `${how}: who came afterwards gets the newer answer`)
      t.same(cache.peek('a'), v(2, 'user:1'))
    }
  }
)

t.test('an older answer that comes after a newer one changes nothing', async (t) => {
  const { cache, load } = start()
  const before = cache.get('a')
  cache.dropAll()
  const after = cache.get('a')
  load(1).answer(v(2))
  await after
  load(0).answer(v(1))
  await before
  t.same(cache.peek('a'), v(2))
})

t.test('what concerns something else does not cost the load under way', async (t) => {
  const { cache, load } = start()
  const asked = cache.get('a')
  cache.dropTag('user:2')
  cache.delete('b')
  load(0).answer(v(1, 'user:1'))
  await asked
  t.same(cache.peek('a'), v(1, 'user:1'))
})
