import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '@onbehalf/testkit'

/** A service that runs from its bundle: where it answers, and how long it took. */
export type Bundled = {
  url: string
  /** Milliseconds from the start of its process to its first answer, at /healthz. */
  answeredMs: number
  /** And to the first time /readyz said that all of its servers answer. */
  readyMs: number
  /** Ends it with SIGTERM; the exit code. */
  stop: () => Promise<number | null>
}

const stop = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
  return child.exitCode
}

// A refused connection costs the one who starts nothing.
const untilOk = async (child: ChildProcess, url: string): Promise<void> => {
  while (child.exitCode === null) {
    const isOk = await fetch(url).then(
      ({ ok }) => ok,
      () => false
    )
    if (isOk) return
    await sleep(2)
  }
  throw new Error('the service ended before it answered')
}

/** Starts a bundle's process, and answers when it is ready. */
export const startBundle = async (main: string, environment: Record<string, string>): Promise<Bundled> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const given = { ...environment, HOST: '127.0.0.1', PORT: String(port), NODE_ENV: 'production', LOG_LEVEL: 'info' }
  const startedAt = performance.now()
  const child = spawn(process.execPath, [main], { env: given, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    await untilOk(child, `${url}/healthz`)
    const answeredMs = performance.now() - startedAt
    await untilOk(child, `${url}/readyz`)
    return { url, answeredMs, readyMs: performance.now() - startedAt, stop: () => stop(child) }
  } catch (error) {
    await stop(child)
    throw error
  }
}
