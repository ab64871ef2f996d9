import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { dieWithParent, inRepository, watchArgument, withDeathSignal } from '@onbehalf/testkit'

/** What a test file said, and why it ended badly by itself or by us; undefined when it ended with 0. */
export type FileEnd = { file: string; lines: string[]; fault: string | undefined; seconds: number }

export type FileRun = { end: Promise<FileEnd>; kill: () => void }

export type FileOptions = { environment: Record<string, string | undefined>; secondsMax: number }

// What a file starts is in its process group; the shell in front of it ends the group when we die.
const asGroup = `trap 'kill -s KILL 0' TERM; "$@" & wait $!`

const signalGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // already gone
  }
}

const start = (file: string, { environment, secondsMax }: FileOptions): ChildProcess => {
  const group = { command: 'sh', args: ['-c', asGroup, 'test', process.execPath, watchArgument, file] }
  const { command, args } = withDeathSignal(group, 'SIGTERM')
  const child = spawn(command, args, {
    cwd: inRepository('.'),
    env: { ...environment, TAP_TIMEOUT: String(secondsMax) },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true
  })
  dieWithParent(child, 'SIGTERM')
  return child
}

/**
 * A test file as a process of its own, by Node and nothing else: `tap run` would put hooks between Node and each module,
 * in every process below too, and a file would take twice the time to load.
 */
export const runFile = (file: string, options: FileOptions): FileRun => {
  const child = start(file, options)
  const lines: string[] = []
  if (child.stdout) createInterface(child.stdout).on('line', (line) => lines.push(line))
  const startedAt = performance.now()
  const { isOver, stop } = limit(child, options.secondsMax)
  // Whatever it left running ends with it. What has run too long may say first what it waited for.
  child.once('exit', () => isOver() || signalGroup(child, 'SIGKILL'))
  const end = new Promise<FileEnd>((resolve) => {
    const settle = (ended: string | undefined) => {
      stop()
      signalGroup(child, 'SIGKILL')
      const fault = isOver() ? `it took longer than ${options.secondsMax} s` : ended
      resolve({ file, lines, fault, seconds: (performance.now() - startedAt) / 1000 })
    }
    child.once('error', ({ message }) => settle(`it could not be started: ${message}`))
    child.once('close', (code, signal) => settle(code === 0 ? undefined : `it ended with ${code ?? signal}`))
  })
  return { end, kill: () => signalGroup(child, 'SIGKILL') }
}

/** Tap answers SIGALRM with the test it is in and what is open there, and ends; what cannot answer is killed. */
const limit = (child: ChildProcess, secondsMax: number) => {
  let isOver = false
  let timer = setTimeout(() => {
    isOver = true
    signalGroup(child, 'SIGALRM')
    timer = setTimeout(() => signalGroup(child, 'SIGKILL'), 5_000)
  }, secondsMax * 1000)
  return { isOver: () => isOver, stop: () => clearTimeout(timer) }
}
