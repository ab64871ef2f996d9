import { spawnSync } from 'node:child_process'
import { inRepository } from '@onbehalf/testkit'
import t from 'tap'

const run = (name: string, given: string) =>
  spawnSync(process.execPath, [inRepository(`scripts/${name}.ts`), given], { encoding: 'utf8', timeout: 60_000 })

const isOneLine = /^[^\n]+\n$/

t.test('a benchmark says in one line that it does not take what was mistyped', async (t) => {
  const mistakes = [
    ['bench', '--nonsense'],
    ['bench-mints', '--seconds=soon'],
    ['bench-providers', '--in-flight=1,'],
    ['bench-device', '--only=nothing'],
    ['bench-start', 'twenty']
  ] as const
  for (const [name, given] of mistakes) {
    const { status, stdout, stderr } = run(name, given)
    t.match({ status, stdout }, { status: 2, stdout: '' }, name)
    t.match(stderr, isOneLine)
    t.match(stderr, /(takes|must be) .*, and not /)
  }
})

t.test('a benchmark tells what it takes', async (t) => {
  const { status, stdout, stderr } = run('bench-mints', '--help')
  t.match({ status, stderr }, { status: 0, stderr: '' })
  t.match(stdout, isOneLine)
  t.match(stdout, /--quick, .*--seconds=…, .*--idp=…/)
})
