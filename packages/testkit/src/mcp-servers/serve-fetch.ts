import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { listen, stopServer } from '../http/listen.ts'

type Fetch = (request: Request) => Promise<Response>

/** Serves a web-standard handler on loopback; a caller that leaves aborts its request. */
export const serveFetch = async (fetch: Fetch, port?: number): Promise<{ port: number; stop: () => Promise<void> }> => {
  const server = createServer((request, response) => {
    answer(fetch, request, response).catch(() => response.destroy())
  })
  return { port: await listen(server, port), stop: () => stopServer(server) }
}

const answer = async (fetch: Fetch, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
  const response = await fetch(await toRequest(incoming, outgoing))
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.flushHeaders()
  if (!response.body) {
    outgoing.end()
    return
  }
  await pipeline(Readable.fromWeb(response.body), outgoing)
}

const toRequest = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<Request> => {
  const bytesMax = 4 * 1024 * 1024
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of incoming) {
    if (!(chunk instanceof Uint8Array)) throw new Error('not bytes')
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new Error('the body is too large')
  }
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort())
  const { method = 'GET', url = '/', rawHeaders, headers } = incoming
  const all = new Headers()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    all.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
  }
  const body = bytes === 0 ? null : Buffer.concat(chunks)
  return new Request(`http://${headers.host ?? 'localhost'}${url}`, { method, headers: all, body, signal: gone.signal })
}
