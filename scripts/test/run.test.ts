import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { eventually, inRepository, isAlive, processTable } from '@onbehalf/testkit'
import t, { type Test } from 'tap'
import { readArguments } from './arguments.ts'

/** Without what the run told this file, so that the run inside is a run of its own. */
const environment = () =>
  Object.fromEntries(
    Object.entries({ ...process.env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }).filter(
      ([name]) => !/^(TAP|ONBEHALF_TEST)/.test(name)
    )
  )

const fixture = (file: string): string => inRepository(`scripts/test/fixtures/${file}`)

const startRun = (files: string[], more: Record<string, string> = {}, ...options: string[]) => {
  const args = [inRepository('scripts/test.ts'), ...files.map(fixture), ...options]
  const child = spawn(process.execPath, args, { env: { ...environment(), ...more }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  const end = new Promise<{ code: number | null; output: string; last: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output, last: output.trimEnd().split('\n').at(-1) ?? '' }))
  })
  return { child, end }
}

const thenPasses = `--then=${fixture('passes.ts')}`

t.test('runs at once do not disturb each other, and end with their totals', async (t) => {
  const runs = [startRun(['passes.ts'], {}, thenPasses), startRun(['leaks.ts'])]
  const [good, leaking] = await Promise.all(runs.map(({ end }) => end))
  t.match(good, { code: 0, last: /^4 passed, 0 failed, 2 skipped$/ }, 'with those of what runs after, by itself')
  t.match(leaking, { code: 1, last: /^1 passed, 1 failed$/ }, 'a secret in clear, even inside base64, fails the run')
  t.match(leaking?.output, /a secret \(cor…\) is in clear in service\.log/)
})

t.test('a file that cannot be loaded, has no test or is killed fails the run; the others still count', async (t) => {
  const files = ['absent.ts', 'empty.ts', 'leaves.ts', 'passes.ts']
  const { code, output, last } = await startRun(files, {}, thenPasses).end
  t.match({ code, last }, { code: 1, last: /^4 passed, 3 failed, 2 skipped$/ })
  t.match(output, /^✗ \S+absent\.ts \(\d+\.\d s\): it ended with 1$/m)
  t.match(output, /^✗ \S+empty\.ts \(\d+\.\d s\): no test ran$/m)
  t.match(output, /^✗ \S+leaves\.ts \(\d+\.\d s\): it ended with 137$/m)
})

t.test('a run that finds no test, or does not know an argument, fails before anything is begun', async (t) => {
  t.match(await startRun(['.']).end, { code: 1, output: '0 passed, 1 failed\n' })
  for (const option of ['--job=2', '--jobs=0', '--jobs=two', '--timeout=-1']) {
    const message = new RegExp(`^(npm test takes|--(jobs|timeout): must be) .*${option.split('=')[1]}$`)
    t.throws(() => readArguments([option]), { message })
  }
})

const processesNaming = (text: string): string[] =>
  processTable()
    .map(({ command }) => command)
    .filter((command) => command.includes(text))

t.test(
  'a file that hangs is ended with all it started, and fails',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const name = randomUUID()
    const { code, output, last } = await startRun(['hangs.ts'], { HANGS_NAME: name }, '--timeout=5').end
    t.equal(code, 1)
    t.match(last, /^0 passed, [1-9]\d* failed$/)
    t.match(output, /^✗ \S+hangs\.ts \(\d+\.\d s\): it took longer than 5 s$/m)
    const left = () => processesNaming(name)
    t.strictSame(await eventually(left, ({ length }) => length === 0), [])
  }
)

type Held = { directory: string; pids: number[] }

/** Where a run is told that its test file has its servers up: the run's directory, and the processes of those. */
const listenForHeld = async (t: Test): Promise<{ port: number; held: Promise<Held> }> => {
  const server = createServer()
  const held = once(server, 'connection').then(async ([line]: Socket[]) => {
    line?.on('error', () => {})
    const [text] = line ? await once(line, 'data') : []
    return JSON.parse(String(text))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return { port: typeof address === 'object' && address ? address.port : 0, held }
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  t.test(`a run that gets ${signal} leaves no process`, { skip: process.platform !== 'linux' }, async (t) => {
    const { port, held } = await listenForHeld(t)
    const run = startRun(['holds-servers.ts'], { HOLDS_SERVERS_PORT: String(port) })
    const { directory, pids } = await held
    t.ok(processesNaming(directory).length > 0 && pids.every(isAlive))
    run.child.kill(signal)
    const { code } = await run.end
    t.equal(code, signal === 'SIGKILL' ? null : 1)
    const left = () => [...processesNaming(directory), ...pids.filter(isAlive)]
    t.strictSame(await eventually(left, ({ length }) => length === 0), [])
    t.equal(existsSync(directory), signal === 'SIGKILL', 'its data goes too, unless nobody was left to remove it')
    rmSync(directory, { recursive: true, force: true })
  })
}
