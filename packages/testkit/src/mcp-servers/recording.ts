import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, stopServer } from '../http/listen.ts'

/** One tools/call that reached the server. */
export type RecordedCall = {
  id: unknown
  tool: string
  arguments: unknown
  /** The `requestState` of a call that is made again (2026-07-28). */
  state: unknown
  /** The answers that come with it. */
  responses: unknown
  /** What the client says of itself, and what it says beside its request. */
  meta: unknown
  headers: IncomingHttpHeaders
  /** Resolves when the caller has gone, or has its answer. */
  closed: Promise<void>
}

/** How a call is answered: by a CallToolResult, or by hand. */
export type AnswerCall = (call: RecordedCall, raw: ServerResponse) => Record<string, unknown> | undefined

export type Recording = {
  url: string
  port: number
  /** Every request of any kind, by its JSON-RPC method. */
  requests: () => string[]
  calls: () => RecordedCall[]
  /** Resolves with the next call that arrives. */
  nextCall: () => Promise<RecordedCall>
  answer: (answer: AnswerCall) => void
  stop: () => Promise<void>
}

const version = '2026-07-28'

/** Starts an MCP server (2026-07-28) that writes down what reaches it and answers as a test wants; on this port, or a free one. */
export const startRecording = async (at?: number): Promise<Recording> => {
  const requests: string[] = []
  const calls: RecordedCall[] = []
  let waiting: ((call: RecordedCall) => void)[] = []
  let answer: AnswerCall = ({ arguments: given }) => ({ content: [{ type: 'text', text: JSON.stringify(given) }] })

  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const message = await messageOf(request)
    requests.push(String(message.method))
    const reply = (result: unknown) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }))
    if (message.method !== 'tools/call') return reply({ supportedVersions: [version], capabilities: { tools: {} } })
    const closed = new Promise<void>((resolve) => response.once('close', resolve))
    const { name, arguments: given, requestState: state, inputResponses: responses, _meta: meta } = message.params ?? {}
    const said = { state, responses, meta, headers: request.headers }
    const call = { id: message.id, tool: String(name), arguments: given, ...said, closed }
    calls.push(call)
    for (const tell of waiting) tell(call)
    waiting = []
    const result = answer(call, response)
    return result && reply(result)
  }
  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy())
  })
  const port = await listen(server, at)
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    requests: () => [...requests],
    calls: () => [...calls],
    nextCall: () => new Promise((resolve) => waiting.push(resolve)),
    answer: (next) => {
      answer = next
    },
    stop: () => stopServer(server)
  }
}

type Message = {
  id?: unknown
  method?: unknown
  params?: { name?: unknown; arguments?: unknown; requestState?: unknown; inputResponses?: unknown; _meta?: unknown }
}

const messageOf = async (request: IncomingMessage): Promise<Message> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? {} : JSON.parse(text)
}
