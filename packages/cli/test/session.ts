import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { findPrograms, inRepository } from '@onbehalf/testkit'
import type { Test } from 'tap'

/** A directory for PATH with `onbehalf` in it, as an installation puts it there, and whatever other programs a test plays. */
export const installIn = (directory: string, others: Readonly<Record<string, string>> = {}): string => {
  mkdirSync(directory, { recursive: true })
  const onbehalf = `exec "${process.execPath}" "${inRepository('packages/cli/src/main.ts')}" "$@"`
  for (const [name, script] of Object.entries({ onbehalf, ...others })) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(directory, name), 0o755)
  }
  return `${directory}:${process.env.PATH}`
}

/** Whether these are here, or can be installed; where not, the words to skip a test with. */
export const skipWithout = async (...programs: Parameters<typeof findPrograms>[0]): Promise<string | false> =>
  findPrograms(programs).then(
    () => false,
    (error: unknown) => (error instanceof Error ? error.message : 'a program is missing')
  )

export type Terminal = {
  type: (text: string) => void
  /** What is on the screen so far, with what moves the cursor. */
  screen: () => string
  /** Waits for it on the screen, behind what was waited for before. */
  saw: (pattern: RegExp) => Promise<string>
  ended: Promise<number | null>
}

type Environment = Readonly<Record<string, string | undefined>>

const sawMs = 60_000

/** Runs something on a terminal of its own; what it sends to move the cursor is shown unless `isPlain`. */
export const openTerminal = (t: Test, command: string, env: Environment, { isPlain = false } = {}): Terminal => {
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { TERM: 'xterm', ...env },
    stdio: 'pipe'
  })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  let from = 0
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said = isPlain ? stripVTControlCharacters(said + text) : said + text
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const saw = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(said.slice(from))
        if (!found) return
        from += found.index + found[0].length
        child.stdout.off('data', look)
        clearTimeout(timer)
        resolve(found[1] ?? found[0])
      }
      const giveUp = () => reject(new Error(`there was no ${pattern}: ${JSON.stringify(said)}`))
      const timer = setTimeout(giveUp, sawMs)
      child.stdout.on('data', look)
      child.once('close', giveUp)
      look()
    })
  return { type: (text) => void child.stdin.write(text), screen: () => said, saw, ended }
}
