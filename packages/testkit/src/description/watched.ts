import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository } from '../servers/repository.ts'
import { testRunDirectoryVariable } from '../test-run.ts'

/** Of each test run's directory: what services answered that their descriptions do not tell of, a line each. */
export const undescribedFile = 'undescribed.txt'

/** The argument of Node that has a process's answers held against their descriptions. */
export const watchArgument = `--import=${inRepository('packages/testkit/src/description/watch.ts')}`

/** For a service as a process of its own: nothing outside of a test run. */
export const watchedInTests = (): { args: string[]; environment: Record<string, string> } => {
  const directory = process.env[testRunDirectoryVariable]
  if (directory === undefined) return { args: [], environment: {} }
  return { args: [watchArgument], environment: { [testRunDirectoryVariable]: directory } }
}

/** Every line on record in a test run's directory, once. */
export const readUndescribed = (directory: string): string[] => {
  const file = join(directory, undescribedFile)
  if (!existsSync(file)) return []
  return [...new Set(readFileSync(file, 'utf8').split('\n'))].filter((line) => line !== '').sort()
}
