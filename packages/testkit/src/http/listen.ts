import type { Server } from 'node:http'
import type { Server as NetServer } from 'node:net'

/** Listens on loopback, on this port or a free one, and says which; `host` is another address of it. */
export const listen = (server: NetServer, port = 0, host = '127.0.0.1'): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.once('error', reject)
  server.listen(port, host, () => {
    const address = server.address()
    if (address === null || typeof address === 'string') reject(new Error('not a TCP address'))
    else resolve(address.port)
  })
  return promise
}

/** Stops at once: open connections are cut. */
export const stopServer = (server: Server): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  return promise
}
