import { createServer, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { echoed, saying } from './play.ts'

// The server that `outspoken.ts` plays, in a thread of its own.
const seen = new Int32Array(workerData)
const count = (place: number) => {
  Atomics.add(seen, place, 1)
  Atomics.notify(seen, place)
}
const sockets = new Set<Socket>()
const server = createServer({ noDelay: true }, (socket) => {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(socket))
  socket.on('data', (bytes) => {
    count(0)
    socket.write(echoed(bytes.toString()))
  })
})
const sayMore = (socket: Socket) => new Promise((resolve) => socket.write(saying('stale'), resolve))
parentPort?.on('message', () => void Promise.all([...sockets].map(sayMore)).then(() => count(1)))
server.listen(0, '127.0.0.2', () => {
  const address = server.address()
  parentPort?.postMessage(typeof address === 'object' ? address?.port : undefined)
})
