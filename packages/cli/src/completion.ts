import { commands, commonOptions } from './commands/all.ts'
import { Problem } from './problem.ts'

const firstWords = [...new Set([...commands.map(({ name }) => name.split(' ')[0] ?? ''), 'completion', 'help'])]
const secondWords = (first: string) =>
  first === 'completion'
    ? ['bash', 'zsh', 'fish']
    : commands.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []))
const groups = firstWords.filter((word) => secondWords(word).length > 0)
const options = [...new Set([commonOptions, ...commands.map((one) => one.options ?? {})].flatMap(Object.keys))].map(
  (one) => `--${one}`
)

const bash = (): string => `_onbehalf() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  if [[ "$word" == -* ]]; then COMPREPLY=($(compgen -W "${options.join(' ')}" -- "$word")); return; fi
  if [[ $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W "${firstWords.join(' ')}" -- "$word")); return; fi
  if [[ $COMP_CWORD == 2 ]]; then case "\${COMP_WORDS[1]}" in
${groups.map((group) => `    ${group}) COMPREPLY=($(compgen -W "${secondWords(group).join(' ')}" -- "$word"));;`).join('\n')}
  esac; fi
}
complete -o default -F _onbehalf onbehalf
`

const fish = (): string =>
  `${[
    `complete -c onbehalf -n __fish_use_subcommand -f -a '${firstWords.join(' ')}'`,
    ...groups.map(
      (group) =>
        `complete -c onbehalf -n '__fish_seen_subcommand_from ${group}' -f -a '${secondWords(group).join(' ')}'`
    ),
    ...options.map((option) => `complete -c onbehalf -l ${option.slice(2)}`)
  ].join('\n')}\n`

// Without compinit, which most set-ups have run by then, zsh has no completion to add to.
const zshBegins = `(( $+functions[compdef] )) || { autoload -U compinit && compinit -i }
autoload -U +X bashcompinit && bashcompinit
`

const shells: Readonly<Record<string, () => string>> = {
  bash,
  zsh: () => `${zshBegins}${bash()}`,
  fish
}

/** What a shell has to be told to complete our words: `source <(onbehalf completion bash)`. */
export const completionFor = (shell = ''): string => {
  const text = shells[shell]
  if (text) return text()
  throw new Problem('usage', 'Say for which shell: onbehalf completion bash, zsh or fish.')
}
