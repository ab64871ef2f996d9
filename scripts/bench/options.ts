import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** What `command` was given. For `--help`, and for what it does not take, it says in one line what it takes, and ends. */
export const readOptions = <const Options extends ParseArgsOptionsConfig>(command: string, options: Options) => {
  const words = Object.entries(options).map(([name, { type }]) => (type === 'string' ? `--${name}=…` : `--${name}`))
  const usage = `${command} takes ${words.join(', ')}`
  if (process.argv.includes('--help')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return parseArgs({ options }).values
  } catch {
    return endWith(`${usage}, and not ${process.argv.slice(2).join(' ')}`)
  }
}

/** For an option that is of no use. */
export const endWith = (line: string): never => {
  console.error(line)
  return process.exit(2)
}

/** A number above 0. */
export const numberOf = (option: string, given: string | number): number => {
  const number = Number(given)
  return Number.isFinite(number) && number > 0
    ? number
    : endWith(`${option}: must be a number above 0, and not ${given}`)
}

/** Numbers above 0, with commas between. */
export const numbersOf = (option: string, given: string): number[] =>
  given.split(',').map((one) => numberOf(option, one))

/** Those of `known` that are named, with commas between; all of them where nothing is given. */
export const namesOf = <Name extends string>(
  option: string,
  given: string | undefined,
  known: readonly Name[]
): Name[] => {
  const names = given?.split(',') ?? [...known]
  const isKnown = (name: string): name is Name => known.some((one) => one === name)
  return names.map((name) =>
    isKnown(name) ? name : endWith(`${option}: must be some of ${known.join(',')}, and not ${name}`)
  )
}
