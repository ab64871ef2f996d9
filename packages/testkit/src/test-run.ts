import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServiceName } from './servers/service-names.ts'

/** What `scripts/test.ts` hands to every test file. */
export type TestRun = {
  adminUrl: string
  template: string
  passwords: Record<ServiceName, string>
  directory: string
}

export const testRunVariable = 'ONBEHALF_TEST_POSTGRES'
export const testRunDirectoryVariable = 'ONBEHALF_TEST_RUN_DIRECTORY'

export const readTestRun = (): TestRun => {
  const text = process.env[testRunVariable]
  const directory = process.env[testRunDirectoryVariable]
  if (text === undefined || directory === undefined) {
    throw new Error('this test needs the servers of a test run: run npm test -- <file>')
  }
  return { ...JSON.parse(text), directory }
}

/** Every secret a test used; after the run the logs, rows and Redis files are searched for each of them. */
export const recordSecrets = (secrets: readonly string[]): void => {
  appendFileSync(join(readTestRun().directory, 'secrets.txt'), `${secrets.join('\n')}\n`, { mode: 0o600 })
}
