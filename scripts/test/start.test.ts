import t from 'tap'
import { readArguments, readPort } from '../start/arguments.ts'
import { begin, ownDirectory } from './begin.ts'

t.test('one command tells the story and ends with 0; a second one at the same time says who is there', async (t) => {
  const directory = ownDirectory(t)
  const first = begin(directory, ['--once'])
  await first.said(/starting Postgres/)
  const second = begin(directory, ['--once'])
  t.equal(await second.end, 1)
  const words = `Onbehalf is running already on ${directory} (process ${first.child.pid}). Stop it first, or give this`
  t.match(second.output(), words)
  t.equal(second.output().trimEnd().split('\n').length, 1)
  t.equal(await first.end, 0, first.output())
  t.equal(first.output().match(/^✓ \d\. .*\(\d+\.\d s\)$/gm)?.length, 6, 'six steps, each with its time')
  t.match(first.output(), /The story is done after/)
})

t.test('what npm start does not know is refused with a sentence, before anything is begun', async (t) => {
  const sentence = (given = '') => `npm start does not know "${given}". It takes --once and --help: npm start -- --once`
  for (const args of [['--onse'], ['--once=yes'], ['--once', 'acme'], ['-o']])
    t.throws(() => readArguments(args), { message: sentence(args.at(-1)) })
  const begun = begin('/proc/nowhere', ['--onse'])
  t.equal(await begun.end, 1)
  t.equal(begun.output(), `${sentence('--onse')}\n`)
})

t.test('help names every argument and every variable', async (t) => {
  const help = begin('/proc/nowhere', ['--help'])
  t.equal(await help.end, 0)
  for (const word of [
    '--once',
    'DATABASE_URL',
    'NATS_URL',
    'nats://user:password@host',
    'REDIS_URL',
    'ONBEHALF_DATA',
    'ONBEHALF_PORT'
  ])
    t.match(help.output(), word)
})

t.test('a port that is none is said at once', async (t) => {
  const sentence = 'ONBEHALF_PORT: must be a port between 1 and 65000, such as 4000'
  for (const port of ['x', '0', '70000', '-1', '40.5']) t.throws(() => readPort(port), { message: sentence })
  const begun = begin('/proc/nowhere', ['--once'], { ONBEHALF_PORT: 'x' })
  t.equal(await begun.end, 1)
  t.equal(begun.output(), `${sentence}\n`)
})

t.test('a data directory that cannot be made is said at once', async (t) => {
  const nowhere = begin('/proc/nowhere/data', ['--once'])
  t.equal(await nowhere.end, 1)
  t.match(nowhere.output(), /^The data directory \/proc\/nowhere\/data cannot be used: .* ONBEHALF_DATA\.\n$/)
})
