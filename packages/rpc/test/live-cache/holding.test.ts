import { setImmediate as turn } from 'node:timers/promises'
import { until } from '@onbehalf/testkit'
import t from 'tap'
import { type Held, start, v } from './stage.ts'

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
      const { held } = await cache.hold('a')
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
    t.equal(cache.peek('b'), undefined)
  }
)

t.test('what somebody kept is not used past its own end', async (t) => {
  const { cache, clock, hold } = start()
  await hold('a', { ...v(1), expiresAt: 6_000 })
  const { held: kept } = await cache.hold('a')
  clock.time = 5_999
  t.equal((kept && cache.use(kept))?.version, 1)
  clock.time = 6_000
  t.equal(kept && cache.use(kept), undefined)
})

t.test('what is kept by somebody and used is not the least recently used', async (t) => {
  const { cache, clock, hold } = start({ max: 2 })
  await hold('a', v(1))
  await hold('b', v(1))
  const { held: kept } = await cache.hold('a')
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
    const found = cache.hold('a')
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
  t.same((await cache.hold('a')).value, v(10), 'and then nobody is asked')
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
