import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { compileCache, eventually, inRepository, processTable } from '@onbehalf/testkit'
import t from 'tap'
import { type Begun, follow, ownDirectory, ownPort } from './begin.ts'

// Every process of a start inherits its PATH, so an entry that nobody else has finds them all.
const port = ownPort()
const mark = `/onbehalf-${randomUUID()}`

/** `npm start` as a terminal has it: the bootstrap, and all it starts in the foreground, in a process group of its own. */
const beginGroup = (directory: string): Begun =>
  follow(
    spawn(process.execPath, [inRepository('scripts/bootstrap.mjs'), 'start'], {
      env: { ...compileCache, PATH: `${process.env.PATH}:${mark}`, ONBEHALF_DATA: directory, ONBEHALF_PORT: port },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true
    })
  )

const isMarked = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark)
  } catch {
    // It ended while we looked, or it is another user's.
    return false
  }
}
const left = (): string[] =>
  processTable()
    .filter(({ pid }) => isMarked(pid))
    .map(({ command }) => command)

type Ending = { name: string; when: RegExp; send: (pid: number) => void; code: number | null }

const toGroup = (signal: NodeJS.Signals) => (pid: number) => void process.kill(-pid, signal)
const toOne = (signal: NodeJS.Signals) => (pid: number) => void process.kill(pid, signal)
const isUp = /Ctrl-C stops everything/
const endings: Ending[] = [
  { name: 'kill -9 of what npm started, while all is up', when: isUp, send: toOne('SIGKILL'), code: null },
  { name: 'Ctrl-C in the terminal, on what kill -9 left behind', when: isUp, send: toGroup('SIGINT'), code: 0 },
  { name: 'Ctrl-C while it is starting', when: /starting Postgres/, send: toGroup('SIGINT'), code: 130 },
  { name: 'SIGTERM while all is up', when: isUp, send: toOne('SIGTERM'), code: 0 }
]

t.test(
  'however a start ends, no process is left, and the next one works',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const directory = ownDirectory(t)
    for (const { name, when, send, code } of endings) {
      const { child, said, end, output } = beginGroup(directory)
      await said(when)
      t.ok(left().length > (when === isUp ? 8 : 1), `${name}: ${left().length} processes run`)
      send(child.pid ?? 0)
      t.equal(await end, code, `${name}: ${output()}`)
      // The kernel needs a moment to take all down.
      t.same(await eventually(left, (all) => all.length === 0), [], name)
    }
  }
)
