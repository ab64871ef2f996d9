import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRepository, removePostgresDirectory } from '@onbehalf/testkit'
import t from 'tap'

const base = process.platform === 'linux' ? '/var/tmp' : tmpdir()

const begin = (directory: string, args: string[], env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, [inRepository('scripts/start.ts'), ...args], {
    env: { PATH: process.env.PATH, ONBEHALF_DATA: directory, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const state = { output: '' }
  const heard: (() => void)[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      state.output += data
      for (const one of heard) one()
    })
  const end = new Promise<number | null>((resolve) => child.once('close', resolve))
  const said = (words: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => words.test(state.output) && resolve()
      heard.push(look)
      look()
      end.then(() => reject(new Error(`it ended without saying ${words}: ${state.output}`)), reject)
    })
  return { child, state, end, said }
}

const ownDirectory = (t: { teardown: (handler: () => void) => unknown }) => {
  const directory = mkdtempSync(join(base, 'onbehalf-start-'))
  t.teardown(() => {
    removePostgresDirectory(join(directory, 'postgres'))
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

t.test('one command tells the story and ends with 0; a second one at the same time says who is there', async (t) => {
  const directory = ownDirectory(t)
  const first = begin(directory, ['--once'])
  await first.said(/starting Postgres/)
  const second = begin(directory, ['--once'])
  t.equal(await second.end, 1)
  t.match(second.state.output, /is running already on .* \(process \d+\)/)
  t.equal(await first.end, 0, first.state.output)
  t.equal(first.state.output.match(/^✓ \d\. .*\(\d+\.\d s\)$/gm)?.length, 6, 'six steps, each with its time')
  t.match(first.state.output, /The story is done after/)
})

t.test(
  'a server that was given and does not answer is named, with its variable, and nothing stays behind',
  async (t) => {
    const given = begin(ownDirectory(t), ['--once'], { REDIS_URL: 'redis://user:hidden-password@127.0.0.1:1' })
    t.equal(await given.end, 1)
    t.match(given.state.output, /REDIS_URL/)
    t.notMatch(given.state.output, /hidden-password/)
  }
)

t.test('a data directory that cannot be made is said at once', async (t) => {
  const nowhere = begin('/proc/nowhere/data', ['--once'])
  t.equal(await nowhere.end, 1)
  t.match(nowhere.state.output, /ONBEHALF_DATA/)
})
