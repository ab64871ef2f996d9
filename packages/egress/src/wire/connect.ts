import type { Socket } from 'node:net'
import { type Connecting, connectorFor } from '../connector.ts'
import { bareHost } from '../url.ts'
import { Connection, type Holder } from './connection.ts'

/** Opens one more connection to the origin, for this holder. */
export type Connect = (holder: Holder) => Promise<Connection>

const owner = Symbol('whose bytes these are')
type Owned = Socket & { [owner]?: Connection }

// One for all connections: what comes is looked at before the next bytes are read, and what is kept of it is copied. A
// socket of its own accord would take 64 KB for each read, and give most of it back.
const buffer = Buffer.allocUnsafeSlow(64 * 1024)
const onread = {
  buffer,
  callback(this: Owned, size: number): boolean {
    this[owner]?.onBytes(buffer.subarray(0, size))
    return true
  }
}

export const connectTo = (connecting: Omit<Connecting, 'onread'>): Connect => {
  const { origin } = connecting
  const connect = connectorFor({ ...connecting, onread })
  const { protocol, host, port } = origin
  const place = { protocol, host, port, hostname: bareHost(origin) }
  return (holder) => {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    connect(place, (error, connected) => {
      if (error) {
        reject(error)
        return
      }
      const socket: Owned = connected
      const connection = new Connection(socket, holder)
      socket[owner] = connection
      resolve(connection)
    })
    return promise
  }
}
