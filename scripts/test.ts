import { chmodSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  compileCache,
  readUndescribed,
  removePostgresDirectory,
  testRunDirectoryVariable,
  testRunVariable
} from '@onbehalf/testkit'
import { findSecrets } from './test/find-secrets.ts'
import { installPrograms, prepareTemplate, startDatabase } from './test/prepare.ts'
import { type Totals, totalsText } from './test/report.ts'
import { runTap, type TapRun } from './test/run-tap.ts'

const everyTest = ['packages/*/test/**/*.test.ts', 'services/*/test/**/*.test.ts', '{scripts,infra}/**/*.test.ts']

const base = process.platform === 'linux' ? '/var/tmp' : tmpdir()
const directory = mkdtempSync(join(base, 'onbehalf-test-'))
// Postgres runs as nobody and has to pass through.
chmodSync(directory, 0o711)

let tap: TapRun | undefined
let isStopped = false
const stop = (): void => {
  isStopped = true
  tap?.kill()
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)

const environmentOf = (testRun: object): Record<string, string | undefined> => {
  // A developer's own servers are not for tests.
  const { DATABASE_URL: _database, NATS_URL: _nats, REDIS_URL: _redis, ...kept } = process.env
  return { ...compileCache, ...kept, [testRunVariable]: JSON.stringify(testRun), [testRunDirectoryVariable]: directory }
}

type Result = Totals & { isOk: boolean }
const none: Totals = { passed: 0, failed: 0, skipped: 0, total: 0 }

/** One run of tap; one that does not get to its end, or finds no test, is a failure. */
const runFiles = async (files: string[], environment: ReturnType<typeof environmentOf>): Promise<Result> => {
  tap = runTap(files, environment)
  const { totals, isOk } = await tap.end
  if (isStopped) throw new Error('stopped')
  if (totals && totals.total > 0) return { ...totals, isOk }
  console.error(totals ? 'no test ran' : 'the tests did not get to their end')
  return { ...none, failed: 1, total: 1, isOk: false }
}

const sumOf = (left: Result, right: Result): Result => ({
  passed: left.passed + right.passed,
  failed: left.failed + right.failed,
  skipped: left.skipped + right.skipped,
  total: left.total + right.total,
  isOk: left.isOk && right.isOk
})

const runTests = async ({ files, then }: { files: string[]; then: string[] }): Promise<Result> => {
  await installPrograms()
  const postgres = await startDatabase(directory)
  try {
    const testRun = await prepareTemplate(postgres.adminUrl, directory)
    if (isStopped) throw new Error('stopped')
    const environment = environmentOf(testRun)
    let result = await runFiles(files, environment)
    for (const file of then) result = sumOf(result, await runFiles([file, `--timeout=${aloneSecondsMax}`], environment))
    const found = [...findSecrets(directory), ...readUndescribed(directory)]
    for (const line of found) console.log(`✗ ${line}`)
    return { ...result, failed: result.failed + found.length, isOk: result.isOk && found.length === 0 }
  } finally {
    await postgres.stop()
  }
}

/** `--then=FILE`: after all others, with nothing beside it. */
const aloneSecondsMax = 900
const isThen = (argument: string): boolean => argument.startsWith('--then=')
const asked = process.argv.slice(2).filter((argument) => !isThen(argument))
const then = process.argv.filter(isThen).map((argument) => argument.slice('--then='.length))
const files = asked.some((argument) => !argument.startsWith('-')) ? asked : [...globSync(everyTest).sort(), ...asked]
const result = await runTests({ files, then }).catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  return { ...none, isOk: false }
})
removePostgresDirectory(join(directory, 'postgres'))
rmSync(directory, { recursive: true, force: true })
console.log(totalsText(result))
process.exitCode = result.isOk ? 0 : 1
