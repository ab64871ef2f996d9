import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { eventually, inRepository, isAlive, processTable } from '@onbehalf/testkit'
import t, { type Test } from 'tap'

/** Without what tap told this file, so that the run inside is a run of its own. */
const environment = () =>
  Object.fromEntries(
    Object.entries({ ...process.env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }).filter(
      ([name]) => !/^(TAP|_TAPJS|ONBEHALF_TEST|NODE_OPTIONS|NODE_V8)/.test(name)
    )
  )

const fixture = (file: string): string => inRepository(`scripts/test/fixtures/${file}`)

const startRun = (files: string[], more: Record<string, string> = {}, then: string[] = []) => {
  const after = then.map((file) => `--then=${fixture(file)}`)
  const args = [inRepository('scripts/test.ts'), ...files.map(fixture), ...after]
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

t.test('runs at once do not disturb each other, and end with their totals', async (t) => {
  const runs = [startRun(['passes.ts'], {}, ['passes.ts']), startRun(['leaks.ts'])]
  const [good, leaking] = await Promise.all(runs.map(({ end }) => end))
  t.match(good, { code: 0, last: /^4 passed, 0 failed, 2 skipped$/ }, 'with those of what runs after, by itself')
  t.match(leaking, { code: 1, last: /^1 passed, 1 failed$/ }, 'a secret in clear, even inside base64, fails the run')
  t.match(leaking?.output, /a secret \(cor…\) is in clear in service\.log/)
})

t.test('a file that cannot be loaded fails the run, whatever runs after it', async (t) => {
  const absent = await startRun(['absent.ts'], {}, ['passes.ts']).end
  t.match(absent, { code: 1, last: /^2 passed, 1 failed, 1 skipped$/ })
})

const processesNaming = (text: string): string[] =>
  processTable()
    .map(({ command }) => command)
    .filter((command) => command.includes(text))

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
