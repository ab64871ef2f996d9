import { createServer, type ServerResponse } from 'node:http'
import { listen, stopServer } from '@onbehalf/testkit'
import type { Test } from 'tap'

export type NotingServer = {
  url: string
  /** `address:port`, as EGRESS_ALLOW has it. */
  address: string
  /** The headers of every request, as they came. */
  seen: Record<string, string | string[] | undefined>[]
  /** What the next requests are answered with; they wait for it. */
  answer: {
    status: number
    tools: object[]
    gate?: Promise<void>
    onRequest?: () => void
    rejects?: string
    /** It tells of changes of its tools. */
    tells?: boolean
  }
  /** Those who listen for changes, longest first. */
  listening: ServerResponse[]
  /** Tells them of one. */
  tell: () => void
}

const modernVersion = '2026-07-28'

const eventOf = (method: string, params: object): string =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`

const begin = ({ listening }: NotingServer, response: ServerResponse): void => {
  listening.push(response)
  response.once('close', () => listening.splice(listening.indexOf(response), 1))
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(eventOf('notifications/subscriptions/acknowledged', { notifications: { toolsListChanged: true } }))
}

/** An MCP server whose every answer the test decides, and which notes what it was sent. */
export const startNotingServer = async (t: Test, { host = '127.0.0.1' } = {}): Promise<NotingServer> => {
  const noting: NotingServer = {
    ...{ url: '', address: '', seen: [], listening: [] },
    answer: { status: 200, tools: [{ name: 'noted' }] },
    tell: () => {
      for (const stream of noting.listening) stream.write(eventOf('notifications/tools/list_changed', {}))
    }
  }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    noting.seen.push(request.headers)
    const { status, tools, gate, onRequest, rejects, tells = false } = noting.answer
    onRequest?.()
    await gate
    if (status !== 200) return response.writeHead(status).end()
    if (rejects && request.headers.authorization === rejects) return response.writeHead(401).end()
    const { id, method } = JSON.parse(text)
    if (method === 'subscriptions/listen') return begin(noting, response)
    const serverInfo = { name: 'noting', version: '1' }
    const result =
      method === 'tools/list'
        ? { tools }
        : { supportedVersions: [modernVersion], capabilities: { tools: { listChanged: tells } }, serverInfo }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  noting.address = `${host}:${await listen(server, 0, host)}`
  t.teardown(() => stopServer(server))
  noting.url = `http://${noting.address}/mcp`
  return noting
}
