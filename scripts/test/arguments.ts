import { globSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** `alone`: what runs after all others, with nothing beside it. `secondsMax` is for a whole file. */
export type Arguments = { files: string[]; alone: string[]; jobs: number; secondsMax: number }

const everyTest = ['packages/*/test/**/*.test.ts', 'services/*/test/**/*.test.ts', '{scripts,infra}/**/*.test.ts']

const options = {
  // biome-ignore lint/suspicious/noThenProperty: an argument is called so
  then: { type: 'string', multiple: true },
  jobs: { type: 'string', default: '2' },
  // On a slow machine; each wait inside has a deadline of its own.
  timeout: { type: 'string', default: '600' }
} as const

/** What `npm test --` was given: files, or directories of them. Throws with a sentence when it is something else. */
export const readArguments = (args: string[]): Arguments => {
  const { values, positionals } = parse(args)
  return {
    files: (positionals.length > 0 ? positionals.flatMap(filesAt) : globSync(everyTest)).sort(),
    alone: values.then ?? [],
    jobs: positive('--jobs', values.jobs),
    secondsMax: positive('--timeout', values.timeout)
  }
}

const parse = (args: string[]) => {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true })
  } catch (cause) {
    const known = '--jobs=2, --timeout=600 (seconds for a file) and --then=FILE'
    throw new Error(`npm test takes files, directories, ${known}: ${args.join(' ')}`, { cause })
  }
}

const positive = (name: string, given: string): number => {
  if (/^[1-9]\d{0,4}$/.test(given)) return Number(given)
  throw new Error(`${name}: must be a number above 0, and not ${given}`)
}

const filesAt = (path: string): string[] =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ? globSync(`${path}/**/*.test.ts`) : [path]
