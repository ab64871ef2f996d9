import { parseArgs } from 'node:util'

const options = { once: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

/** What `npm start --` was given. Throws with a sentence when it is something else. */
export const readArguments = (args: string[]): { isOnce: boolean; isHelp: boolean } => {
  try {
    const { values } = parseArgs({ args, options, strict: true, allowPositionals: false })
    return { isOnce: values.once ?? false, isHelp: values.help ?? false }
  } catch {
    throw new Error(`npm start does not know "${unknown(args)}". It takes --once and --help: npm start -- --once`)
  }
}

const unknown = (args: string[]): string =>
  args.find((argument) => !['--once', '--help', '-h'].includes(argument)) ?? args.join(' ')
