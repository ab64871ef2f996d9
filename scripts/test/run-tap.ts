import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { dieWithParent, inRepository, watchArgument, withDeathSignal } from '@onbehalf/testkit'
import { createReport, type Totals } from './report.ts'

const tap = fileURLToPath(new URL('./run.mjs', import.meta.resolve('tap')))

export type TapEnd = { totals: Totals | undefined; isOk: boolean }
export type TapRun = { end: Promise<TapEnd>; kill: () => void }

// Tap does not take its test files with it when it is signalled. They are in its process group, so the shell in
// front of it ends the group when we die.
const asGroup = `trap 'kill -s KILL 0' TERM; "$@" & wait $!`

/** The whole group, because tap's test files are processes too. */
const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // already gone
  }
}

export const runTap = (args: string[], environment: Record<string, string | undefined>): TapRun => {
  const group = {
    command: 'sh',
    args: ['-c', asGroup, 'tap', process.execPath, tap, `--node-arg=${watchArgument}`, ...args]
  }
  const { command, args: wrapped } = withDeathSignal(group, 'SIGTERM')
  const child = spawn(command, wrapped, {
    cwd: inRepository('.'),
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true
  })
  dieWithParent(child, 'SIGTERM')
  const report = createReport((line) => console.log(line))
  createInterface(child.stdout).on('line', report.read)
  const end = new Promise<TapEnd>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ totals: report.totals(), isOk: code === 0 }))
  })
  return { end, kill: () => killGroup(child) }
}
