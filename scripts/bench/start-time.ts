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

const stop = async (child: ChildProcess): Promise<void> => {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  child.stdout?.resume()
  await exited
}

/** Milliseconds from the start of a bundle's process to its first answer at /healthz; then it is stopped. */
export const startMs = async (main: string, environment: Record<string, string>): Promise<number> => {
  const env = { ...environment, HOST: '127.0.0.1', PORT: '0', NODE_ENV: 'production', LOG_LEVEL: 'info' }
  const startedAt = performance.now()
  const child = spawn(...asItIs([main]), { env, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    // Nobody asks before it listens: the asking would take the time it measures.
    const { ok } = await fetch(`${await untilListening(child.stdout)}/healthz`)
    if (!ok) throw new Error('the service does not answer at /healthz')
    return performance.now() - startedAt
  } finally {
    await stop(child)
  }
}
