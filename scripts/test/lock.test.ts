import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository } from '@onbehalf/testkit'
import t, { type Test } from 'tap'
import { lockDirectory } from '../start/lock.ts'

/** Processes that wait for the word to take the directory. */
const contenders = async (t: Test, directory: string, count: number): Promise<ChildProcess[]> => {
  const fixture = inRepository('scripts/test/fixtures/takes-lock.ts')
  const all = Array.from({ length: count }, () => fork(fixture, [directory], { execArgv: [] }))
  t.teardown(() => {
    for (const one of all) one.kill('SIGKILL')
  })
  await Promise.all(all.map((one) => once(one, 'message')))
  return all
}

const answersOf = async (all: ChildProcess[]): Promise<string[]> => {
  const answers = all.map(async (one): Promise<string> => String((await once(one, 'message'))[0]))
  for (const one of all) one.send('now')
  return Promise.all(answers)
}

t.test('of many starts that find the lock of a killed one, exactly one gets it', async (t) => {
  const directory = join(t.testdir({}), 'data')
  const waiting = await contenders(t, directory, 8)
  const [first, ...others] = waiting
  if (!first) throw new Error('nobody there')
  t.same(await answersOf([first]), ['taken'])
  const gone = once(first, 'exit')
  first.kill('SIGKILL')
  await gone
  const answers = await answersOf(others)
  t.equal(answers.filter((answer) => answer === 'taken').length, 1, answers.join('\n'))
  const holder = others[answers.indexOf('taken')]?.pid
  const refused = answers.filter((answer) => answer !== 'taken')
  t.ok(refused.every((answer) => answer.startsWith(`Onbehalf is running already on ${directory} (process `)))
  t.throws(() => lockDirectory(directory), { message: `(process ${holder}). Stop it first` })
})

t.test('a directory that was let go can be taken again', async (t) => {
  const directory = join(t.testdir({}), 'one/two')
  lockDirectory(directory)()
  lockDirectory(directory)()
  const unlock = lockDirectory(directory)
  t.throws(() => lockDirectory(directory), { message: /is running already/ })
  unlock()
})

t.test('where nothing can be kept, the sentence names the directory, the reason and the variable', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  writeFileSync(file, 'not a directory')
  const sentence = (directory: string, reason: RegExp) => {
    const message = new RegExp(`^The data directory ${directory} cannot be used: ${reason.source}.*ONBEHALF_DATA\\.$`)
    t.throws(() => lockDirectory(directory), { message })
  }
  sentence(file, /ENOTDIR/)
  sentence(join(file, 'below'), /ENOTDIR/)
  // Not even root may write there.
  if (process.platform === 'linux')
    for (const place of ['/proc', '/proc/nowhere/data']) sentence(place, /E(NOENT|ACCES|PERM|ROFS)/)
})
