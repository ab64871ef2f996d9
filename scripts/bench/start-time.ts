import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const listening = /"msg":"Server listening at (http:\/\/127\.0\.0\.1:\d+)"/

const untilListening = async (lines: Readable): Promise<string> => {
  for await (const line of createInterface(lines)) {
    const [, url] = listening.exec(line) ?? []
    if (url) return url
  }
  throw new Error('the service ended before it listened')
}

/** Node with these arguments and without what tap puts into NODE_OPTIONS to measure coverage, which costs 100 ms. */
export const asItIs = (args: string[]): [string, string[]] => ['env', ['-u', 'NODE_OPTIONS', process.execPath, ...args]]

/** A service that runs from its bundle: how long it took to its first answer, and where it answers. */
export type Bundled = {
  url: string
  ms: number
  /** Ends it with SIGTERM; the exit code. */
  stop: () => Promise<number | null>
}

const stop = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  child.stdout?.resume()
  await exited
  return child.exitCode
}

/** Starts a bundle's process, and answers when it has answered first, at /healthz. */
export const startBundle = async (main: string, environment: Record<string, string>): Promise<Bundled> => {
  const env = { ...environment, HOST: '127.0.0.1', PORT: '0', NODE_ENV: 'production', LOG_LEVEL: 'info' }
  const startedAt = performance.now()
  const child = spawn(...asItIs([main]), { env, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    // Nobody asks before it listens: the asking would take the time it measures.
    const url = await untilListening(child.stdout)
    const { ok } = await fetch(`${url}/healthz`)
    if (!ok) throw new Error('the service does not answer at /healthz')
    return { url, ms: performance.now() - startedAt, stop: () => stop(child) }
  } catch (error) {
    await stop(child)
    throw error
  }
}

/** Milliseconds from the start of a bundle's process to its first answer; then it is stopped. */
export const startMs = async (main: string, environment: Record<string, string>): Promise<number> => {
  const { ms, stop: end } = await startBundle(main, environment)
  await end()
  return ms
}
