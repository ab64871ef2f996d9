import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

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

/** A port nobody listens on: the preferred one when it is free, else one at random. */
export const freePort = async (preferred?: number): Promise<number> => {
  if (preferred !== undefined && (await isFree(preferred))) return preferred
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(lowestPort, highestPort)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port between ${lowestPort} and ${highestPort}`)
}
