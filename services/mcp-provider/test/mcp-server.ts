import { createServer } from 'node:http'
import type { Test } from 'tap'

export type NotingServer = {
  url: string
  /** `address:port`, as EGRESS_ALLOW has it. */
  address: string
  /** The headers of every request, as they came. */
  seen: Record<string, string | string[] | undefined>[]
  /** What the next requests are answered with; they wait for it. */
  answer: { status: number; tools: object[]; gate?: Promise<void>; onRequest?: () => void; rejects?: string }
}

const modernVersion = '2026-07-28'

/** An MCP server whose every answer the test decides, and which notes what it was sent. */
export const startNotingServer = async (t: Test, { host = '127.0.0.1' } = {}): Promise<NotingServer> => {
  const noting: NotingServer = { url: '', address: '', seen: [], answer: { status: 200, tools: [{ name: 'noted' }] } }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    noting.seen.push(request.headers)
    const { status, tools, gate, onRequest, rejects } = noting.answer
    onRequest?.()
    await gate
    if (status !== 200) return response.writeHead(status).end()
    if (rejects && request.headers.authorization === rejects) return response.writeHead(401).end()
    const { id, method } = JSON.parse(text)
    const serverInfo = { name: 'noting', version: '1' }
    const result =
      method === 'tools/list'
        ? { tools }
        : { supportedVersions: [modernVersion], capabilities: { tools: {} }, serverInfo }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  noting.address = `${host}:${bound.port}`
  noting.url = `http://${noting.address}/mcp`
  return noting
}
