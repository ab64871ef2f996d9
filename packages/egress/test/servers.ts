import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { ReportedError } from '@onbehalf/errors'
import type { Test } from 'tap'
import { createEgress, type Egress, type EgressOptions, type EgressRequest, type WholeRequest } from '../src/index.ts'
import { certificate, privateKey } from './certificate.ts'

export type Seen = { method: string; url: string; headers: IncomingHttpHeaders; body: string; servername: string }
export type TestServer = { port: number; origin: string; seen: Seen[]; connections: number }

const listen = async (t: Test, server: Server, host: string, port = 0): Promise<number> => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A real HTTP server that notes what reached it. */
export const serve = async (
  t: Test,
  handler: RequestListener,
  { host = '127.0.0.2', port = 0, isTls = false } = {}
): Promise<TestServer> => {
  const notes: TestServer = { port: 0, origin: '', seen: [], connections: 0 }
  const noting: RequestListener = async (request, response) => {
    const { method = '', url = '', headers, socket } = request
    const servername = 'servername' in socket ? String(socket.servername) : ''
    let body = ''
    for await (const chunk of request) body += chunk
    notes.seen.push({ method, url, headers, body, servername })
    handler(request, response)
  }
  const server = isTls ? createTlsServer({ cert: certificate, key: privateKey }, noting) : createServer(noting)
  server.on('connection', () => {
    notes.connections += 1
  })
  notes.port = await listen(t, server, host, port)
  notes.origin = `http://${host.includes(':') ? `[${host}]` : host}:${notes.port}`
  return notes
}

/** A TCP server that does what `onSocket` does to each connection. */
export const serveTcp = async (t: Test, onSocket: (socket: Socket) => void): Promise<number> =>
  listen(
    t,
    createTcpServer((socket) => {
      socket.on('error', () => undefined)
      onSocket(socket)
    }),
    '127.0.0.2'
  )

export const open = (t: Test, options: EgressOptions): Egress => {
  const egress = createEgress(options)
  t.teardown(() => egress.close(0))
  return egress
}

export const get = { carriesCredential: false } satisfies EgressRequest

type Read = (egress: Egress, url: string, request?: WholeRequest) => Promise<string>

/** The two ways to the text of an answer that have an end of their own. */
export const endingWays: Record<string, Read> = {
  'as it comes': async (egress, url, request) => (await egress.request(url, { ...get, ...request })).text(),
  whole: async (egress, url, request = {}) => (await egress.requestWhole(url, request)).text
}

export const readAll = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const pieces = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

const readOpened: Read = async (egress, url, { timeoutMs, ...request } = {}) => {
  const ending = timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }
  return readAll((await egress.open(url, { ...get, ...request, ...ending })).body)
}

/** Bound by its caller alone, as a call of a tool is. */
export const unbound = { headersTimeoutMs: Number.POSITIVE_INFINITY, bodyTimeoutMs: Number.POSITIVE_INFINITY }

/** And those that go on for as long as their caller says. */
export const ways: Record<string, Read> = {
  ...endingWays,
  opened: readOpened,
  'by a lane': (egress, url, request) => readOpened(egress, url, { ...unbound, ...request })
}

/** How a call failed, or a failed test when it did not, or failed with anything but a ReportedError. */
export const failureOf = async (work: Promise<unknown>): Promise<ReportedError> => {
  try {
    await work
  } catch (error) {
    if (error instanceof ReportedError) return error
    throw error
  }
  throw new Error('It was expected to fail.')
}
