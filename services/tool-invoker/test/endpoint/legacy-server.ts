import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  ListResourcesRequestSchema,
  RootsListChangedNotificationSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  UrlElicitationRequiredError
} from '@modelcontextprotocol/sdk/types.js'
import { listen, stopServer, type TestContext, until } from '@onbehalf/testkit'

type Held = { server: Server; transport: StreamableHTTPServerTransport; uris: Set<string>; calls: number }
type Tool = (held: Held, given: Record<string, unknown>, signal: AbortSignal, id: string | number) => Promise<unknown>

/** A server of 2025-11-25 that keeps sessions, asks its clients and tells of changes when a test says so. */
export const startLegacyServer = async (t: TestContext) => {
  const held = new Map<string, Held>()
  const ended: string[] = []
  const rejected = new Set<string>()
  const cancelled: unknown[] = []
  const rooted: string[] = []
  let waiting = 0

  const tools: Record<string, Tool> = {
    count: async (one) => {
      one.calls += 1
      return { calls: one.calls, session: one.transport.sessionId }
    },
    same: async (_held, given) => given,
    capabilities: async ({ server }) => server.getClientCapabilities(),
    elicit: async ({ server }, given, _, relatedRequestId) =>
      server.elicitInput(
        { mode: 'form', message: String(given.message), requestedSchema: { type: 'object', properties: {} } },
        { relatedRequestId }
      ),
    sample: async ({ server }, _given, _signal, relatedRequestId) =>
      server.createMessage(
        { messages: [{ role: 'user', content: { type: 'text', text: 'Who?' } }], maxTokens: 5 },
        { relatedRequestId }
      ),
    roots: async ({ server }, _given, _signal, relatedRequestId) => server.listRoots({}, { relatedRequestId }),
    page: async () => {
      const url = 'https://legacy.example/pay'
      throw new UrlElicitationRequiredError([{ mode: 'url', message: 'Pay first.', elicitationId: 'e1', url }])
    },
    log: async ({ server }, _given, _signal, relatedRequestId) => {
      for (const level of ['debug', 'error'] as const)
        await server.notification(
          { method: 'notifications/message', params: { level, data: level } },
          { relatedRequestId }
        )
    },
    wait: (_held, _given, signal) =>
      new Promise((_, reject) => {
        waiting += 1
        signal.addEventListener('abort', () => {
          cancelled.push('wait')
          reject(new Error('cancelled'))
        })
      })
  }

  const open = async (): Promise<Held> => {
    const capabilities = { tools: {}, logging: {}, resources: { subscribe: true, listChanged: true } }
    const server = new Server({ name: 'legacy', version: '1' }, { capabilities })
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        held.set(id, one)
      },
      onsessionclosed: (id) => {
        ended.push(id)
        held.delete(id)
      }
    })
    const one: Held = { server, transport, uris: new Set(), calls: 0 }
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, requestId }) => {
      const tool = tools[params.name]
      if (!tool) throw new Error('no such tool')
      const made = await tool(one, params.arguments ?? {}, signal, requestId)
      return { content: [{ type: 'text', text: JSON.stringify(made ?? null) }] }
    })
    server.setRequestHandler(ListResourcesRequestSchema, async () => ({ resources: [] }))
    server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => {
      one.uris.add(params.uri)
      return {}
    })
    server.setRequestHandler(UnsubscribeRequestSchema, async ({ params }) => {
      one.uris.delete(params.uri)
      return {}
    })
    server.setNotificationHandler(
      RootsListChangedNotificationSchema,
      () => void rooted.push(String(transport.sessionId))
    )
    await server.connect(transport)
    return one
  }

  /** Sessions whose client hears what the server says of its own accord. */
  const heard = new Set<string>()
  /** The paths at which somebody began to hear it. */
  const opened: string[] = []

  let last = ''
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    last = String(request.headers.authorization)
    if (rejected.has(last)) return response.writeHead(401).end()
    const id = request.headers['mcp-session-id']
    if (typeof id !== 'string') return (await open()).transport.handleRequest(request, response)
    const one = held.get(id)
    if (!one) return response.writeHead(404).end()
    if (request.method === 'GET') {
      heard.add(id)
      opened.push(String(request.url))
      response.once('close', () => heard.delete(id))
    }
    return one.transport.handleRequest(request, response)
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const port = await listen(server)
  t.teardown(() => stopServer(server))
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    /** The last authorization that a request came with. */
    authorization: () => last,
    sessions: () => [...held.keys()],
    ended: () => [...ended],
    /** How many calls began to wait, and how many of them were cancelled. */
    waiting: () => waiting,
    cancelled: () => [...cancelled],
    /** Sessions whose client said that its roots are others. */
    rooted: () => [...rooted],
    /** The same server by a URL of its own, and how often somebody began to hear it there. */
    apart: () => {
      const path = `/${randomUUID()}`
      return {
        url: `http://127.0.0.1:${port}${path}`,
        opened: () => opened.filter((one) => one === path).length
      }
    },
    /** Answers 401 to what carries this from now on. */
    reject: (authorization: string) => rejected.add(authorization),
    /** Tells whoever subscribed to it, once somebody hears it. */
    touch: async (uri: string) => {
      await until(() => [...held].some(([id, { uris }]) => heard.has(id) && uris.has(uri)))
      for (const { server: one, uris } of held.values()) if (uris.has(uri)) await one.sendResourceUpdated({ uri })
    },
    /** Says that its resources are others. */
    relist: async () => {
      for (const [id, { server: one }] of held) if (heard.has(id)) await one.sendResourceListChanged()
    }
  }
}
