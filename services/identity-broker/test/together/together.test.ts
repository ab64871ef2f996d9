import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { held, type Statement, together } from '../../src/together/together.ts'

type Item = { id: string; size: number }
type Run = { ids: string[]; rows: string; go: (error?: Error) => void }

/** A statement that ends when the test says so; it doubles sizes, and passes over `a` where it may. */
const play = () => {
  const runs: Run[] = []
  const statement: Statement<Item, number> = async (items, rows) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const go = (error?: Error) => (error ? reject(error) : resolve())
    runs.push({ ids: items.map(({ id }) => id), rows, go })
    await promise
    return items.map(({ id, size }) => (rows === 'pass over' && id === 'held' ? held : size * 2))
  }
  const options = {
    isUndone: (error: unknown) => error instanceof TypeError,
    keyOf: ({ id }: Item) => id,
    slowMs: 60_000
  }
  const told = () => runs.map(({ ids, rows }) => `${ids.join(' ')}, ${rows}`)
  return { runs, told, ask: together(statement, options), options, statement }
}
const item = (id: string, size = 1): Item => ({ id, size })

t.test('who asks at the same moment is answered by one statement, each with their own', async (t) => {
  const { ask, runs, told } = play()
  const answers = [ask(item('one', 1)), ask(item('two', 2)), ask(item('three', 3))]
  await turn()
  await turn()
  t.same(told(), ['one two three, pass over'])
  runs[0]?.go()
  t.same(await Promise.all(answers), [2, 4, 6])
})

t.test('who asks alone waits for their row', async (t) => {
  const { ask, runs, told } = play()
  const answer = ask(item('held', 4))
  await turn()
  await turn()
  runs[0]?.go()
  t.equal(await answer, 8)
  t.same(told(), ['held, wait'])
})

t.test('a row that somebody holds is waited for alone, when the others have been answered', async (t) => {
  const { ask, runs, told } = play()
  const [waiting, other] = [ask(item('held')), ask(item('other'))]
  await turn()
  await turn()
  runs[0]?.go()
  t.equal(await other, 2)
  t.same(told(), ['held other, pass over', 'held, wait'])
  runs[1]?.go()
  t.equal(await waiting, 2)
})

t.test('what a statement failed with and took back is the fault of one: each has another try, alone', async (t) => {
  const { ask, runs, told } = play()
  const [good, bad] = [ask(item('good')), ask(item('bad'))]
  await turn()
  await turn()
  runs[0]?.go(new TypeError('bad data'))
  await turn()
  t.same(told(), ['good bad, pass over', 'good, wait', 'bad, wait'])
  runs[2]?.go(new TypeError('bad data'))
  await t.rejects(bad, /bad data/)
  runs[1]?.go()
  t.equal(await good, 2)
})

t.test('of a statement that may have been done everybody hears that, and nothing is tried again', async (t) => {
  const { ask, runs } = play()
  const asked = ['one', 'two'].map((id) => t.rejects(ask(item(id)), /connection lost/))
  await turn()
  await turn()
  runs[0]?.go(new Error('connection lost'))
  await Promise.all(asked)
  t.equal(runs.length, 1)
})

t.test('the same row twice goes into two statements', async (t) => {
  const { ask, runs, told } = play()
  const answers = [ask(item('same', 1)), ask(item('other', 2)), ask(item('same', 3))]
  await turn()
  await turn()
  t.same(told(), ['same other, pass over', 'same, wait'])
  for (const { go } of runs) go()
  t.same(await Promise.all(answers), [2, 4, 6])
})

t.test('who comes while a statement runs goes into the next one', async (t) => {
  const { runs, told, statement, options } = play()
  const ask = together(statement, { ...options, runningMax: 1, itemsMax: 2 })
  const first = ask(item('first'))
  await turn()
  await turn()
  const later = ['a', 'b', 'c'].map((id) => ask(item(id)))
  await turn()
  t.same(told(), ['first, wait'], 'the others wait for it')
  runs[0]?.go()
  await first
  await turn()
  t.same(told(), ['first, wait', 'a b, pass over'])
  runs[1]?.go()
  await Promise.all(later.slice(0, 2))
  await turn()
  runs[2]?.go()
  t.equal(await later[2], 2)
})

t.test('one that is slow keeps nobody', async (t) => {
  const { runs, statement, options } = play()
  const ask = together(statement, { ...options, runningMax: 1, slowMs: 1 })
  // It never ends; what is left begins all the same.
  ask(item('first')).catch(() => {})
  await turn()
  await turn()
  const later = ask(item('later'))
  while (runs.length < 2) await turn()
  runs[1]?.go()
  t.equal(await later, 2)
})
