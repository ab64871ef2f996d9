import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server'
import { serveFetch } from './serve-fetch.ts'

/** One HTTP request a modern server got. */
export type ModernRequest = { version: string | null; method: string | null; body: string }
export type Modern = {
  url: string
  port: number
  stop: () => Promise<void>
  requests: () => ModernRequest[]
  /** Tells whoever listens that its tools changed. */
  tellChanged: () => void
  /** Tells whoever listens to a resource that it changed. */
  touch: (uri: string) => void
}

const anything = fromJsonSchema<Record<string, unknown>>({ type: 'object' })

const createTools = (): McpServer => {
  const capabilities = { resources: { subscribe: true, listChanged: true } }
  const server = new McpServer({ name: 'modern', version: '1.0.0' }, { capabilities })
  server.registerTool('echo', { inputSchema: anything }, (given) => ({
    content: [{ type: 'text', text: JSON.stringify(given) }],
    structuredContent: given
  }))
  server.registerTool('fail', { inputSchema: anything }, async (_, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    for (const progress of progressToken === undefined ? [] : [1, 2]) {
      const params = { ...(progressToken !== undefined && { progressToken }), progress, total: 2 }
      await mcpReq.notify({ method: 'notifications/progress', params })
    }
    return { content: [{ type: 'text', text: 'it failed' }], isError: true }
  })
  return server
}

/** Starts a server that speaks 2026-07-28 only: `echo` and `fail`. */
export const startModern = async ({ port: preferred }: { port?: number } = {}): Promise<Modern> => {
  const requests: ModernRequest[] = []
  const handler = createMcpHandler(createTools, { legacy: 'reject' })
  const { port, stop } = await serveFetch(async (request) => {
    const { headers } = request
    const body = await request.clone().text()
    requests.push({ version: headers.get('mcp-protocol-version'), method: headers.get('mcp-method'), body })
    return handler.fetch(request)
  }, preferred)
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    stop,
    requests: () => [...requests],
    tellChanged: handler.notify.toolsChanged,
    touch: handler.notify.resourceUpdated
  }
}
