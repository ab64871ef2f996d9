import { commands, commonOptions } from './commands/all.ts'
import type { Command } from './commands/command.ts'

const listed = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([one]) => one.length))
  return rows.map(([one, other]) => `  ${one.padEnd(width)}  ${other}`).join('\n')
}

const optionRows = (options: NonNullable<Command['options']>) =>
  Object.entries(options).map(([name, { type, help }]) => [`--${name}${type === 'string' ? ' …' : ''}`, help] as const)

export const overview = (): string => `onbehalf: calls MCP tools as you

${listed(commands.map(({ name, takes, summary }) => [`onbehalf ${name} ${takes}`.trim(), summary]))}
  onbehalf completion bash|zsh|fish

To begin:
  onbehalf login --server https://onbehalf.example.com
  onbehalf tools list
  onbehalf call everything echo --arg message=hello

With every command:
${listed(optionRows(commonOptions))}

In scripts: ONBEHALF_TOKEN with ONBEHALF_SERVER in the place of a sign-in; --output json; results go to standard output and
everything else to standard error. Ends with 0: done, 1: refused or failed, 2: wrong usage, 3: sign in (again), 4: the server does
not answer as it should, 6: the tool says that it failed, 130: Ctrl-C.
`

export const helpOf = ({
  name,
  takes,
  summary,
  examples,
  options = {}
}: Command): string => `onbehalf ${`${name} ${takes}`.trim()}

${summary}.

Examples:
${examples.map((example) => `  ${example}`).join('\n')}

Options:
${listed(optionRows({ ...options, ...commonOptions }))}
`
