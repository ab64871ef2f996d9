import { setImmediate as turn } from 'node:timers/promises'
import { ReportedError } from '@onbehalf/errors'
import { until } from '@onbehalf/testkit'
import t from 'tap'
import { createLiveCache, type LiveCacheOptions } from '../src/index.ts'

type Held = { version: number; tags: string[]; expiresAt?: number }
type Load = { key: string; answer: (held: Held) => void; fail: (error: Error) => void }

/** A cache whose owner answers when the test says so, under a clock the test moves. */
const start = (options: Partial<LiveCacheOptions<string, Held>> = {}) => {
  const clock = { time: 1_000 }
  const loads: Load[] = []
  const cache = createLiveCache<string, Held>({
    max: 100,
    keyOf: (key) => key,
    load: (key) => new Promise((answer, fail) => loads.push({ key, answer, fail })),
    tagsOf: ({ tags }) => tags,
    expiresAtOf: ({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt,
    now: () => clock.time,
    ...options
  })
  const load = (index: number): Load => {
    const there = loads[index]
    if (there) return there
    throw new Error(`load ${index} did not begin`)
  }
  /** Holds a first version. */
  const hold = async (key: string, held: Held) => {
    const asked = cache.get(key)
    load(loads.length - 1).answer(held)
    await asked
  }
  return { cache, clock, loads, load, hold }
}
const v = (version: number, ...tags: string[]): Held => ({ version, tags })

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

t.test('no more than `max` is held; the least recently used leaves first, with its tags', async (t) => {
  const { cache, clock, hold } = start({ max: 2 })
  await hold('a', v(1, 'user:1'))
  await hold('b', v(1, 'user:2'))
  clock.time += 1_000
  await cache.get('a')
  await hold('c', v(1, 'user:3'))
  t.equal(cache.size(), 2)
  t.same([cache.peek('a')?.version, cache.peek('b'), cache.peek('c')?.version], [1, undefined, 1])
  cache.dropTag('user:2')
  t.equal(cache.size(), 2)
})

t.test(
  'what somebody kept is used while it is held and need not be asked for anew, however it is let go of',
  async (t) => {
    const { cache, clock, hold, load, loads } = start({ max: 1 })
    const keep = async (version: number) => {
      await hold('a', v(version, 'user:1'))
      const held = cache.hold('a')?.held
      if (!held) throw new Error('it is not held')
      t.same(cache.use(held), v(version, 'user:1'))
      return held
    }
    const lettingGo: [string, () => unknown][] = [
      ['dropped with what it depends on', () => cache.dropTag('user:1')],
      ['dropped with all', () => cache.dropAll()],
      ['deleted', () => cache.delete('a')],
      ['pushed out', () => hold('b', v(1))]
    ]
    for (const [index, [how, letGo]] of lettingGo.entries()) {
      const kept = await keep(index)
      await letGo()
      t.equal(cache.use(kept), undefined, how)
      t.equal(kept.value, undefined, 'and nothing of it is kept')
    }

    const older = await keep(10)
    clock.time += 20_000
    t.equal(cache.use(older), undefined, 'its owner is to be asked')
    t.same(cache.peek('a'), v(10, 'user:1'))
    load(loads.length - 1).answer(v(11, 'user:1'))
    await turn()
    clock.time -= 20_000
    t.equal(cache.use(older), undefined, 'replaced')
    t.same(cache.peek('a'), v(11, 'user:1'))
    t.equal(cache.hold('b'), undefined)
  }
)

t.test('what somebody kept is not used past its own end', async (t) => {
  const { cache, clock, hold } = start()
  await hold('a', { ...v(1), expiresAt: 6_000 })
  const kept = cache.hold('a')?.held
  clock.time = 5_999
  t.equal((kept && cache.use(kept))?.version, 1)
  clock.time = 6_000
  t.equal(kept && cache.use(kept), undefined)
})

t.test('what is kept by somebody and used is not the least recently used', async (t) => {
  const { cache, clock, hold } = start({ max: 2 })
  await hold('a', v(1))
  await hold('b', v(1))
  const kept = cache.hold('a')?.held
  clock.time += 1_000
  t.same(kept && cache.use(kept), v(1))
  await hold('c', v(1))
  t.same([cache.peek('a')?.version, cache.peek('b')], [1, undefined])
})

t.test('what has ended is let go of, however much it is, though nobody asks for anything', async (t) => {
  const { cache, clock, hold } = start({ max: 1_000 })
  for (let number = 0; number < 500; number += 1) await hold(`key ${number}`, v(number))
  clock.time += 15_000
  await hold('later', v(1))
  clock.time += 15_000
  await until(() => cache.size() === 1)
  t.equal(cache.peek('later')?.version, 1)
  clock.time += 15_000
  await until(() => cache.size() === 0)
})

t.test('what is found comes with what to keep, unless it has ended, changed meanwhile, or is too heavy', async (t) => {
  const { cache, loads, load } = start({ max: 10, weightOf: ({ version }) => version })
  const find = async (held: Held, meanwhile: () => void = () => {}) => {
    const found = cache.getHeld('a')
    meanwhile()
    load(loads.length - 1).answer(held)
    const { value, held: kept } = await found
    t.equal(value, held)
    return kept && cache.use(kept)
  }
  t.equal(await find({ ...v(1), expiresAt: 1_000 }), undefined, 'ended')
  t.equal(await find(v(1, 'user:1'), () => cache.dropTag('user:1')), undefined, 'changed')
  t.equal(await find(v(11)), undefined, 'too heavy')
  t.equal(cache.size(), 0)
  t.same(await find(v(10)), v(10))
  t.same((await cache.getHeld('a')).value, v(10), 'and then nobody is asked')
  t.equal(loads.length, 4)
})

t.test('what is too heavy, and what has ended, makes no other one leave', async (t) => {
  const { cache, clock, hold } = start({ max: 3, weightOf: ({ version }) => version })
  for (const key of ['a', 'b', 'c']) await hold(key, { ...v(1), ...(key === 'c' ? { expiresAt: 1_500 } : {}) })
  await hold('heavy', v(4))
  await hold('dead', { ...v(1), expiresAt: 0 })
  t.equal(cache.size(), 3)
  const used = cache.peek('c')
  clock.time = 1_500
  for (const key of ['a', 'b']) cache.peek(key)
  await hold('d', v(1))
  t.same(
    [used, ...['a', 'b', 'c', 'd'].map((key) => cache.peek(key)?.version)],
    [{ ...v(1), expiresAt: 1_500 }, 1, 1, undefined, 1]
  )
})
