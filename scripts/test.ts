import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  compileCache,
  readUndescribed,
  removePostgresDirectory,
  testRunDirectoryVariable,
  testRunVariable
} from '@onbehalf/testkit'
import { type Arguments, readArguments } from './test/arguments.ts'
import { findSecrets } from './test/find-secrets.ts'
import { installPrograms, prepareTemplate, startDatabase } from './test/prepare.ts'
import { addTotals, none, type Totals, totalsText } from './test/report.ts'
import { type Run, runFiles } from './test/run-files.ts'

const base = process.platform === 'linux' ? '/var/tmp' : tmpdir()
const directory = mkdtempSync(join(base, 'onbehalf-test-'))
// Postgres runs as nobody and has to pass through.
chmodSync(directory, 0o711)

let run: Run | undefined
let isStopped = false
const stop = (): void => {
  isStopped = true
  run?.kill()
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)

const environmentOf = (testRun: object): Record<string, string | undefined> => {
  // A developer's own servers are not for tests.
  const { DATABASE_URL: _database, NATS_URL: _nats, REDIS_URL: _redis, ...kept } = process.env
  return { ...compileCache, ...kept, [testRunVariable]: JSON.stringify(testRun), [testRunDirectoryVariable]: directory }
}

const endOf = async (started: Run): Promise<Totals> => {
  run = started
  const totals = await run.end
  if (isStopped) throw new Error('stopped')
  return totals
}

/** For a file that runs with nothing beside it, and may be a whole suite. */
const aloneSecondsMax = 900

const runTests = async ({ files, alone, jobs, secondsMax }: Arguments): Promise<Totals> => {
  if (files.length === 0) throw new Error('no test was found')
  await installPrograms()
  const postgres = await startDatabase(directory)
  try {
    const testRun = await prepareTemplate(postgres.adminUrl, directory)
    if (isStopped) throw new Error('stopped')
    const environment = environmentOf(testRun)
    const first = await endOf(runFiles(files, { environment, jobs, secondsMax }))
    const then = await endOf(runFiles(alone, { environment, jobs: 1, secondsMax: aloneSecondsMax }))
    const found = [...findSecrets(directory), ...readUndescribed(directory)]
    for (const line of found) console.log(`✗ ${line}`)
    return addTotals(addTotals(first, then), { ...none, failed: found.length })
  } finally {
    await postgres.stop()
  }
}

const totals = await (async () => runTests(readArguments(process.argv.slice(2))))().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  return { ...none, failed: 1 }
})
removePostgresDirectory(join(directory, 'postgres'))
rmSync(directory, { recursive: true, force: true })
console.log(totalsText(totals))
process.exitCode = totals.failed === 0 ? 0 : 1
