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

/** The gateway's port, from the variable ONBEHALF_PORT; those above it go to the other parts. */
export const readPort = (given = '4000'): number => {
  const port = Number(given)
  if (/^\d+$/.test(given) && port >= 1 && port <= 65_000) return port
  throw new Error(`ONBEHALF_PORT: must be a port between 1 and 65000, such as 4000`)
}

const unknown = (args: string[]): string =>
  args.find((argument) => !['--once', '--help', '-h'].includes(argument)) ?? args.join(' ')
