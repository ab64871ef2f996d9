import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

// An MCP server (2026-07-28) with tools that echo, over bare sockets, since an HTTP server's own work would be most of
// what is measured. The first part of the path says how it answers. Its first line of output is its origin.
const slowMs = 100
const eventMs = 20
const events = 50
const large = 'x'.repeat(100 * 1024)

type Params = { arguments?: { text?: string } }

const saidAt = (path: string, { arguments: given }: Params): string => {
  if (path.startsWith('/large/')) return large
  return path.startsWith('/mov') ? path : (given?.text ?? '')
}

const resultOf = (method: string, params: Params, path: string) =>
  method === 'tools/call'
    ? { resultType: 'complete', content: [{ type: 'text', text: saidAt(path, params) }] }
    : { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'quick', version: '1' } }

const jsonHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: '

const tellAndAnswer = async (socket: Socket, id: number, progressToken: unknown): Promise<void> => {
  const event = (message: object) => {
    const text = `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`
    socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
  }
  socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n')
  for (let progress = 1; progress <= events; progress += 1) {
    await sleep(eventMs)
    const params = { progressToken, progress, message: String(performance.timeOrigin + performance.now()) }
    event({ method: 'notifications/progress', params })
  }
  event({ id, result: { resultType: 'complete', content: [] } })
  socket.write('0\r\n\r\n')
}

const answer = (socket: Socket, path: string, body: string): void => {
  const { id, method, params } = JSON.parse(body)
  const [, way] = path.split('/')
  if (way === 'dead' && method === 'tools/call') return
  if (way === 'events' && method === 'tools/call') {
    tellAndAnswer(socket, id, params._meta?.progressToken).catch(() => socket.destroy())
    return
  }
  const text = JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params, path) })
  const send = () => socket.write(`${jsonHead}${Buffer.byteLength(text)}\r\n\r\n${text}`)
  if (way === 'slow' && method === 'tools/call') setTimeout(send, slowMs)
  else send()
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    const headEnd = rest.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const [, path = ''] = rest.split(' ', 2)
    const [, length = '0'] = /content-length: *(\d+)/i.exec(rest) ?? []
    const end = headEnd + 4 + Number(length)
    if (rest.length < end) return
    const body = rest.slice(headEnd + 4, end)
    rest = rest.slice(end)
    answer(socket, path, body)
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`)
})
