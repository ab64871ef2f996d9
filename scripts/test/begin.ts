import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimPort, compileCache, inRepository, removePostgresDirectory } from '@onbehalf/testkit'

const base = process.platform === 'linux' ? '/var/tmp' : tmpdir()

/** A data directory for one start, removed after the test. */
export const ownDirectory = (t: { teardown: (handler: () => void) => unknown }): string => {
  const directory = mkdtempSync(join(base, 'onbehalf-start-'))
  t.teardown(() => {
    removePostgresDirectory(join(directory, 'postgres'))
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

export type Begun = {
  child: ChildProcess
  output: () => string
  end: Promise<number | null>
  /** Settles when these words were said; rejects when it ended without. */
  said: (words: RegExp) => Promise<void>
}

/** Follows what a process says, on either stream, to its end. */
export const follow = (child: ChildProcess): Begun => {
  let output = ''
  const heard = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => {
      output += data
      for (const look of heard) look()
    })
  const end = new Promise<number | null>((resolve) => child.once('close', resolve))
  const said = (words: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => words.test(output) && resolve()
      heard.add(look)
      look()
      end.then(() => reject(new Error(`it ended without saying ${words}: ${output}`)), reject)
    })
  return { child, output: () => output, end, said }
}

/** Where this start looks for its ports: ten of its own, since starts of other tests go on at the same time. */
export const ownPort = (): string => {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = 10 * randomInt(1_000, 2_000)
    if (claimPort(port)) return String(port)
  }
  throw new Error('no ten ports for a start')
}

/** `npm start` without npm: the same program with the same arguments and variables. */
export const begin = (directory: string, args: string[], env: Record<string, string> = {}): Begun =>
  follow(
    spawn(process.execPath, [inRepository('scripts/start.ts'), ...args], {
      env: { ...compileCache, PATH: process.env.PATH, ONBEHALF_DATA: directory, ONBEHALF_PORT: ownPort(), ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
  )
