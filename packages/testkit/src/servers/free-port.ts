import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { testRunDirectoryVariable } from '../test-run.ts'

// Below the ports that Linux (32768) and macOS (49152) give to outgoing connections, so that none of those takes
// the port between the check and the use.
const lowestPort = 20_000
const highestPort = 32_000

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

const given = new Set<number>()

/**
 * Whether the port is ours from now on. In a test run no other file is given it either: it stays whose it is also before
 * somebody listens on it, and while its server is stopped.
 */
export const claimPort = (port: number): boolean => {
  if (given.has(port)) return false
  given.add(port)
  const directory = process.env[testRunDirectoryVariable]
  if (directory === undefined) return true
  const ports = join(directory, 'ports')
  mkdirSync(ports, { recursive: true })
  try {
    writeFileSync(join(ports, String(port)), '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

/** A port nobody listens on, and that nobody else is given: the preferred one when it is free, else one at random. */
export const freePort = async (preferred?: number): Promise<number> => {
  if (preferred !== undefined && (await isFree(preferred))) return preferred
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(lowestPort, highestPort)
    if (claimPort(port) && (await isFree(port))) return port
  }
  throw new Error(`no free port between ${lowestPort} and ${highestPort}`)
}
