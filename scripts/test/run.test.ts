import { spawn } from 'node:child_process'
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inRepository, processTable } from '@onbehalf/testkit'
import t from 'tap'

/** Without what tap told this file, so that the run inside is a run of its own. */
const environment = () =>
  Object.fromEntries(
    Object.entries({ ...process.env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }).filter(
      ([name]) => !/^(TAP|_TAPJS|ONBEHALF_TEST|NODE_OPTIONS|NODE_V8)/.test(name)
    )
  )

const startRun = (...files: string[]) => {
  const args = [inRepository('scripts/test.ts'), ...files.map((file) => inRepository(`scripts/test/fixtures/${file}`))]
  const child = spawn(process.execPath, args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  const end = new Promise<{ code: number | null; output: string; last: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output, last: output.trimEnd().split('\n').at(-1) ?? '' }))
  })
  return { child, end }
}

t.test('two runs at once do not disturb each other, and end with their totals', async (t) => {
  const ends = await Promise.all([startRun('passes.ts').end, startRun('passes.ts').end])
  for (const { code, last } of ends) {
    t.equal(last, '2 passed, 0 failed, 1 skipped')
    t.equal(code, 0)
  }
})

t.test('a secret in clear, even inside base64, fails the run', async (t) => {
  const { code, output, last } = await startRun('leaks.ts').end
  t.match(output, /a secret \(cor…\) is in clear in service\.log/)
  t.equal(last, '1 passed, 1 failed')
  t.equal(code, 1)
})

t.test('a file that cannot be loaded is a failure', async (t) => {
  const { code, last } = await startRun('absent.ts').end
  t.match(last, /^0 passed, [01] failed$/)
  t.equal(code, 1)
})

const processesNaming = (text: string): string[] =>
  processTable()
    .map(({ command }) => command)
    .filter((command) => command.includes(text))

/** The directory of the run whose test file has its servers up, and the processes of those. */
const holding = async () => {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const ready = globSync('/var/tmp/onbehalf-test-*/holds-servers*/pids')[0]
    if (ready !== undefined) {
      const pids = readFileSync(ready, 'utf8').split(' ').map(Number)
      return { directory: dirname(dirname(ready)), pids }
    }
    await sleep(50)
  }
  throw new Error('the run did not get to its test file')
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  t.test(`a run that gets ${signal} leaves no process`, { skip: process.platform !== 'linux' }, async (t) => {
    const run = startRun('holds-servers.ts')
    const { directory, pids } = await holding()
    t.ok(processesNaming(directory).length > 0 && pids.every(isAlive))
    run.child.kill(signal)
    const { code } = await run.end
    t.equal(code, signal === 'SIGKILL' ? null : 1)
    for (let wait = 0; wait < 160 && (processesNaming(directory).length > 0 || pids.some(isAlive)); wait += 1) {
      await sleep(50)
    }
    t.strictSame([processesNaming(directory), pids.filter(isAlive)], [[], []])
    t.equal(existsSync(directory), signal === 'SIGKILL', 'its data goes too, unless nobody was left to remove it')
    rmSync(directory, { recursive: true, force: true })
  })
}
