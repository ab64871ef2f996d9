import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dieWithParent, withDeathSignal } from './die-with-parent.ts'

export type RunningProcess = {
  pid: number
  isRunning: () => boolean
  /** Settles when the process has gone, by itself or not. */
  exited: Promise<void>
  stop: () => Promise<void>
}

export type ProcessOptions = {
  name: string
  command: string
  args: string[]
  environment?: Record<string, string | undefined>
  workingDirectory?: string
  logFile: string
  /** Asked again and again until it is true; a rejection counts as "not yet". Left out: ready at once. */
  isReady?: () => Promise<boolean>
  readySecondsMax?: number
  stopSignal?: NodeJS.Signals
  stopSecondsMax?: number
  /** What the process gets when we are gone without having stopped it. */
  deathSignal?: NodeJS.Signals
  runAs?: { uid: number; gid: number }
}

const lastLines = (logFile: string): string => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n')

const spawnLogged = (options: ProcessOptions, deathSignal: NodeJS.Signals): ChildProcess => {
  const { command, args } = withDeathSignal(options, deathSignal)
  mkdirSync(dirname(options.logFile), { recursive: true })
  const log = openSync(options.logFile, 'a', 0o600)
  try {
    // A session of its own: Ctrl-C in the terminal reaches us alone, and we stop things in order.
    return spawn(command, args, {
      stdio: ['ignore', log, log],
      detached: true,
      env: options.environment ?? process.env,
      ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
      ...options.runAs
    })
  } finally {
    closeSync(log)
  }
}

const untilReady = async (options: ProcessOptions, child: ChildProcess, isRunning: () => boolean): Promise<void> => {
  const { isReady, readySecondsMax = 60 } = options
  if (isReady === undefined) return
  const deadline = Date.now() + readySecondsMax * 1000
  while (isRunning()) {
    if (await isReady().catch(() => false)) return
    if (Date.now() > deadline) throw new Error(`${options.name} was not ready within ${readySecondsMax} s`)
    await sleep(5)
  }
  throw new Error(`${options.name} ended while starting (exit code ${child.exitCode ?? child.signalCode})`)
}

/** Starts a program whose life ends with ours, and waits until it can be used. */
export const startProcess = async (options: ProcessOptions): Promise<RunningProcess> => {
  writeFileSync(options.logFile, '', { flag: 'a', mode: 0o600 })
  const child = spawnLogged(options, options.deathSignal ?? 'SIGKILL')
  let running = true
  let spawnError: Error | undefined
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      running = false
      resolve()
    }
    child.once('exit', end)
    child.once('error', (error) => {
      spawnError = error
      end()
    })
  })
  const { pid } = child
  if (pid === undefined) {
    await exited
    throw new Error(`${options.name} cannot be started: ${options.command}`, { cause: spawnError })
  }
  dieWithParent(child, options.deathSignal ?? 'SIGKILL')
  const isRunning = () => running

  const stop = async (): Promise<void> => {
    if (!running) return
    child.kill(options.stopSignal ?? 'SIGTERM')
    const wake = new AbortController()
    await Promise.race([exited, sleep((options.stopSecondsMax ?? 5) * 1000, undefined, wake).catch(() => {})])
    wake.abort()
    if (!running) return
    child.kill('SIGKILL')
    await exited
  }

  try {
    await untilReady(options, child, isRunning)
  } catch (error) {
    await stop()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${reason}\n${lastLines(options.logFile)}\n(log: ${options.logFile})`, { cause: error })
  }
  return { pid, isRunning, exited, stop }
}
