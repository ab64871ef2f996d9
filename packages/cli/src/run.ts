import { parseArgs } from 'node:util'
import { UnexpectedAnswer } from '@onbehalf/client'
import { commands, commonOptions } from './commands/all.ts'
import type { Command, Given } from './commands/command.ts'
import { completionFor } from './completion.ts'
import { helpOf, overview } from './help.ts'
import type { Io } from './io.ts'
import { exitCodes, Problem } from './problem.ts'
import { cleanLine } from './terminal/clean.ts'

/** Runs what was typed, and answers with the exit code. */
export const run = async (args: readonly string[], io: Io): Promise<number> => {
  try {
    await runCommand(args, io)
    return exitCodes.done
  } catch (error) {
    if (io.signal.aborted) return exitCodes.interrupted
    io.tell(`onbehalf: ${wordsOf(error)}`)
    if (error instanceof Problem) return error.exitCode
    return error instanceof UnexpectedAnswer ? exitCodes.unreachable : exitCodes.refused
  }
}

const wordsMax = 5_000

const wordsOf = (error: unknown): string => {
  if (error instanceof UnexpectedAnswer)
    return `${cleanLine(error.message)}. Is this the address of an Onbehalf server?`
  return cleanLine(error instanceof Error ? error.message : error, wordsMax)
}

const runCommand = async (typed: readonly string[], io: Io): Promise<void> => {
  // `help call` is `call --help`.
  const args = typed[0] === 'help' && typed.length > 1 ? [...typed.slice(1), '--help'] : typed
  const [first, second] = args
  if (first === 'completion') return io.print(completionFor(second))
  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`)
  if (!command) return io.print(withoutCommand(args))
  const given = read(command, args.slice(command.name.split(' ').length))
  if (given.options.help) return io.print(helpOf(command))
  const { output = 'text' } = given.options
  if (output !== 'text' && output !== 'json') throw new Problem('usage', '--output is text or json.')
  return command.run(io, given)
}

const withoutCommand = ([first, second]: readonly string[]): string => {
  const isAsked = first === undefined || first === 'help' || first === '--help' || first === '-h'
  if (isAsked) return overview()
  const group = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name)
  if (group.length > 0)
    throw new Problem('usage', `Say ${group.join(' or ')}, not "${cleanLine(`${first} ${second ?? ''}`, 80)}".`)
  throw new Problem('usage', `There is no command "${cleanLine(first, 80)}". See onbehalf help.`)
}

const read = (command: Command, args: readonly string[]): Given => {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...commonOptions }).map(([name, option]) => {
      const isMany = 'multiple' in option && option.multiple === true
      return [name, { type: option.type, multiple: isMany }]
    })
  )
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    return { positionals, options: values }
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : ''
    throw new Problem('usage', `${words} See onbehalf ${command.name} --help.`, { cause })
  }
}
