import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Has the work done once a minute; gives what stops it. */
export type EveryMinute = (work: () => void) => () => void

const byTimer: EveryMinute = (work) => {
  const timer = setInterval(work, 60_000).unref()
  return () => clearInterval(timer)
}

/**
 * Ends the connections that have something to send of which their peer took nothing for a minute (two at most): an answer that nobody
 * reads is held for ever otherwise. Nothing to send is no reason: who waits for an answer, listens to a quiet stream or is kept alive stays.
 * Node's own time limit of a connection does not do, since any byte from the peer begins it anew.
 */
export const endUnread = (server: Server, everyMinute: EveryMinute = byTimer): void => {
  const connections = new Map<Socket, number | undefined>()
  server.on('connection', (socket) => {
    connections.set(socket, undefined)
    socket.once('close', () => connections.delete(socket))
  })
  const sweep = () => {
    for (const [socket, before] of connections) {
      const taken = takenBytes(socket)
      if (taken !== undefined && taken === before) socket.destroy()
      else connections.set(socket, taken)
    }
  }
  server.once('listening', () => server.once('close', everyMinute(sweep)))
}

/**
 * How much the peer took so far, while there is more for it. Of a write under way only the handle knows: the socket's
 * own `bytesWritten` has all of it from its beginning, and a slow reader of one large answer would look like none.
 */
const takenBytes = (socket: Socket): number | undefined => {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (!isHandle(handle) || handle.writeQueueSize === 0) return undefined
  return handle.bytesWritten - handle.writeQueueSize
}

const isHandle = (handle: unknown): handle is { bytesWritten: number; writeQueueSize: number } =>
  typeof handle === 'object' &&
  handle !== null &&
  typeof Reflect.get(handle, 'bytesWritten') === 'number' &&
  typeof Reflect.get(handle, 'writeQueueSize') === 'number'
