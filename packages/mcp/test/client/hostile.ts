import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { listen, stopServer } from '@onbehalf/testkit'
import type { Test } from 'tap'

export type Message = {
  id?: number | string
  method?: string
  params: Record<string, unknown>
  error?: unknown
  result?: unknown
}
export type Seen = Message & { http: string; headers: IncomingHttpHeaders }
export type Reply = {
  raw: ServerResponse
  json: (body: unknown, status?: number, headers?: Record<string, string>) => void
  result: (result: unknown) => void
  sse: (text?: string) => void
}
export type Behaviour = Record<string, (seen: Seen, reply: Reply) => void>

/** An MCP server made by hand that misbehaves as a test wants: one function per method, the rest is a polite legacy one. */
export const startHostile = async (test: Test, behaviour: Behaviour) => {
  const seen: Seen[] = []
  let sessions = 0
  const polite: Behaviour = {
    'server/discover': (_, { json }) =>
      json({ jsonrpc: '2.0', id: null, error: { code: -32000, message: 'no session' } }, 400),
    initialize: ({ id, params }, { json }) => {
      sessions += 1
      const result = {
        protocolVersion: params.protocolVersion,
        capabilities: {},
        serverInfo: { name: 'h', version: '1' }
      }
      json({ jsonrpc: '2.0', id, result }, 200, { 'mcp-session-id': `session-${sessions}` })
    },
    GET: (_, { raw }) => raw.writeHead(405).end(),
    DELETE: (_, { raw }) => raw.writeHead(200).end(),
    ...behaviour
  }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const message: Message = { params: {}, ...(body !== '' && JSON.parse(body)) }
    const { method: http = '', headers } = request
    const entry = { ...message, http, headers }
    seen.push(entry)
    const json: Reply['json'] = (answer, status = 200, extra = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...extra }).end(JSON.stringify(answer))
    }
    const sse: Reply['sse'] = (text = '') => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      response.write(text)
    }
    const result: Reply['result'] = (value) => json({ jsonrpc: '2.0', id: message.id, result: value })
    const act = polite[message.method ?? http]
    if (act) act(entry, { raw: response, json, result, sse })
    else response.writeHead(202).end()
  })
  const port = await listen(server)
  test.teardown(() => stopServer(server))
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    seen,
    count: (name: string) => seen.filter(({ method, http }) => (method ?? http) === name).length
  }
}

export const event = (message: unknown): string => `data: ${JSON.stringify(message)}\n\n`
