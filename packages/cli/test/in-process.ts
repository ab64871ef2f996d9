import { join } from 'node:path'
import { run } from '../src/run.ts'

type More = { more?: Readonly<Record<string, string>> }

/** `onbehalf` as its process runs it, without one: what was typed is read, done and told the same way. */
export const inProcess =
  (home: string) =>
  (args: readonly string[], { more = {} }: More = {}) => {
    const said = { out: '', err: '' }
    const io = {
      env: { XDG_CONFIG_HOME: join(home, '.config'), ONBEHALF_TOKEN_STORE: 'file', BROWSER: '/bin/true', ...more },
      print: (text: string) => {
        said.out += text
      },
      tell: (line: string) => {
        said.err += `${line}\n`
      },
      draw: () => {},
      readInput: async () => '',
      isTerminal: false,
      signal: new AbortController().signal
    }
    return { ended: run(args, io).then((code) => ({ code, ...said })) }
  }
