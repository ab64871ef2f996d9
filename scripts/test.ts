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

const none: Totals = { passed: 0, failed: 0, skipped: 0, total: 0 }

const runTests = async (files: string[]): Promise<Totals & { isOk: boolean }> => {
  await installPrograms()
  const postgres = await startDatabase(directory)
  try {
    const testRun = await prepareTemplate(postgres.adminUrl, directory)
    if (isStopped) throw new Error('stopped')
    tap = runTap(files, environmentOf(testRun))
    const { totals, isOk } = await tap.end
    if (isStopped || totals === undefined) throw new Error('the tests did not get to their end')
    const found = [...findSecrets(directory), ...readUndescribed(directory)]
    for (const line of found) console.log(`✗ ${line}`)
    return { ...totals, failed: totals.failed + found.length, isOk: isOk && found.length === 0 && totals.total > 0 }
  } finally {
    await postgres.stop()
  }
}

const asked = process.argv.slice(2)
const files = asked.some((argument) => !argument.startsWith('-')) ? asked : [...globSync(everyTest).sort(), ...asked]
const result = await runTests(files).catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  return { ...none, isOk: false }
})
removePostgresDirectory(join(directory, 'postgres'))
rmSync(directory, { recursive: true, force: true })
if (result.total === 0) console.error('no test ran')
console.log(totalsText(result))
process.exitCode = result.isOk ? 0 : 1
