import { spawn } from 'node:child_process'
import { compileCache, inRepository } from '@onbehalf/testkit'

export type Ended = { code: number | null; out: string; err: string }
export type Running = {
  /** The first match on standard error, when it comes; throws when the command ends without. */
  saw: (pattern: RegExp) => Promise<string>
  interrupt: () => void
  /** Lets go of standard output, as `head` does once it has enough. */
  stopReading: () => void
  ended: Promise<Ended>
}

/** `onbehalf`, as somebody with this home directory types it. */
export const commandLine =
  (home: string, environment: Record<string, string> = {}) =>
  (
    args: readonly string[],
    { input = '', more = {} }: { input?: string; more?: Record<string, string> } = {}
  ): Running => {
    const env = {
      PATH: process.env.PATH,
      HOME: home,
      ...compileCache,
      ONBEHALF_TOKEN_STORE: 'file',
      BROWSER: '/bin/true',
      ...environment,
      ...more
    }
    const child = spawn(process.execPath, [inRepository('packages/cli/src/main.ts'), ...args], { env })
    const said = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said.out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said.err += text
    })
    child.stdin.end(input)
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, ...said }))
    })
    const saw = (pattern: RegExp) =>
      new Promise<string>((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(said.err)
          if (found) resolve(found[1] ?? found[0])
        }
        child.stderr.on('data', look)
        look()
        child.once('close', () => reject(new Error(`it ended without saying ${pattern}: ${said.err}`)))
      })
    const stopReading = () => void child.stdout.destroy()
    return { saw, interrupt: () => void child.kill('SIGINT'), stopReading, ended }
  }
