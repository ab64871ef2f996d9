import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What was answered: the status, the body as it came, and how long to wait before it is asked again. */
export type Answer = { status: number; body: Buffer; retryAfterSeconds: number }

/** Asks one thing over a kept connection that nobody else uses meanwhile; a new one is opened where all are in use. */
export type Connections = { ask: (request: string) => Promise<Answer>; close: () => void }

type Kept = { socket: Socket; ask: (request: string) => Promise<Answer> }

const headEnd = Buffer.from('\r\n\r\n')
const lastFrame = Buffer.from('0\r\n\r\n')

/**
 * HTTP/1.1 with next to nothing around it: what a client library takes would be most of what is measured. The body of an
 * answer that comes in chunks is given with what frames them.
 */
export const openConnections = (origin: string): Connections => {
  const idle: Kept[] = []
  const sockets = new Set<Socket>()
  const open = async (): Promise<Kept> => {
    const kept = keep(await connected(origin))
    sockets.add(kept.socket)
    return kept
  }
  return {
    ask: async (request) => {
      let kept = idle.pop()
      // The other side closes what was long idle.
      while (kept?.socket.destroyed) kept = idle.pop()
      kept ??= await open()
      const answer = await kept.ask(request)
      idle.push(kept)
      return answer
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
    }
  }
}

const connected = async (origin: string): Promise<Socket> => {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  return socket
}

const keep = (socket: Socket): Kept => {
  let waiting: PromiseWithResolvers<Answer> | undefined
  let chunks: Buffer[] = []
  let bytes = 0
  let answered: ReturnType<typeof headOf>
  const gone = (error: Error) => waiting?.reject(error)
  socket.on('error', gone)
  socket.on('close', () => gone(new Error('the connection was closed')))
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    bytes += chunk.length
    answered ??= headOf(chunks.length === 1 ? chunk : Buffer.concat(chunks))
    if (!answered || (answered.end === undefined ? !areLast(chunks) : bytes < answered.end)) return
    const { status, bodyAt, retryAfterSeconds } = answered
    const body = (chunks.length === 1 ? chunk : Buffer.concat(chunks)).subarray(bodyAt)
    chunks = []
    bytes = 0
    answered = undefined
    waiting?.resolve({ status, body, retryAfterSeconds })
  })
  return {
    socket,
    ask: (request) => {
      waiting = Promise.withResolvers<Answer>()
      socket.write(request, 'latin1')
      return waiting.promise
    }
  }
}

const headOf = (bytes: Buffer) => {
  const at = bytes.indexOf(headEnd)
  if (at < 0) return undefined
  const head = bytes.toString('latin1', 0, at)
  const [, length] = /content-length: *(\d+)/i.exec(head) ?? []
  const [, retryAfter = '0'] = /retry-after: *(\d+)/i.exec(head) ?? []
  const bodyAt = at + headEnd.length
  const end = length === undefined ? undefined : bodyAt + Number(length)
  return { status: Number(head.slice(9, 12)), bodyAt, end, retryAfterSeconds: Number(retryAfter) }
}

const areLast = (chunks: readonly Buffer[]): boolean => {
  const end = chunks.at(-1) ?? lastFrame
  const tail = end.length < lastFrame.length ? Buffer.concat(chunks.slice(-2)) : end
  return tail.subarray(-lastFrame.length).equals(lastFrame)
}
