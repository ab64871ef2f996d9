import {
  createMcpHandler,
  fromJsonSchema,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  McpServer
} from '@modelcontextprotocol/server'
import { serveFetch } from './serve-fetch.ts'
import { type Caller, createVerifier } from './whoami-auth.ts'

/** One tools/call that reached the server: by whom, or why it was turned away. */
export type WhoamiLogEntry = { at: string; tool: string; who: 'anonymous' | 'rejected' | { subject: string } }

export type Whoami = { url: string; port: number; stop: () => Promise<void>; log: () => WhoamiLogEntry[] }

/**
 * Starts an MCP server of both eras that lists its tools to anyone and runs them only for a token that the issuer
 * signed for this server. `url` is its own name, the audience, where that is not its address.
 */
export const startWhoami = async ({
  port: preferred,
  issuer,
  url: givenUrl,
  authorizationServers = [issuer],
  now
}: {
  port?: number
  issuer: string
  url?: string
  /** What its metadata (RFC 9728) names; the issuer when left out. */
  authorizationServers?: string[]
  now?: () => Date
}): Promise<Whoami> => {
  const entries: WhoamiLogEntry[] = []
  let answer: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 })
  const { port, stop } = await serveFetch((request) => answer(request), preferred)
  const url = givenUrl ?? `http://127.0.0.1:${port}/mcp`
  const verify = createVerifier({ issuer, audience: url, ...(now ? { now } : {}) })

  answer = async (request) => {
    const refused = hostHeaderValidationResponse(request, localhostAllowedHostnames())
    if (refused) return refused
    const { pathname } = new URL(request.url)
    if (pathname === '/_log' && request.method === 'GET') return Response.json(entries)
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return Response.json({ resource: url, authorization_servers: authorizationServers })
    if (pathname !== '/mcp') return new Response(null, { status: 404 })
    const tool = await calledTool(request)
    if (tool === undefined) return serve(request, undefined)
    const { caller, who } = await identify(request, verify)
    entries.push({ at: new Date().toISOString(), tool, who })
    return caller ? serve(request, caller) : unauthorized(who)
  }

  return { url, port, stop, log: () => [...entries] }
}

const identify = async (
  request: Request,
  verify: (token: string) => Promise<Caller>
): Promise<{ caller?: Caller; who: WhoamiLogEntry['who'] }> => {
  const credential = request.headers.get('authorization')
  if (credential === null) return { who: 'anonymous' }
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(credential)?.[1]
  const caller = token === undefined ? undefined : await verify(token).catch(() => undefined)
  return caller ? { caller, who: { subject: caller.subject } } : { who: 'rejected' }
}

// RFC 6750 §3.1: no error code where no token was sent.
const unauthorized = (who: WhoamiLogEntry['who']): Response => {
  const challenge = who === 'anonymous' ? 'Bearer realm="whoami"' : 'Bearer realm="whoami", error="invalid_token"'
  return Response.json({ error: 'unauthorized' }, { status: 401, headers: { 'www-authenticate': challenge } })
}

/** The tool a request calls, also as one of several messages; undefined for everything else. */
const calledTool = async (request: Request): Promise<string | undefined> => {
  if (request.method !== 'POST') return undefined
  const body: unknown = await request
    .clone()
    .json()
    .catch(() => undefined)
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  const call = messages.filter(isRecord).find(({ method }) => method === 'tools/call')
  if (!call) return undefined
  return isRecord(call.params) && typeof call.params.name === 'string' ? call.params.name : 'unknown'
}

const serve = async (request: Request, caller: Caller | undefined): Promise<Response> =>
  createMcpHandler(() => createTools(caller)).fetch(request)

const callerSchema = fromJsonSchema<Caller>({
  type: 'object',
  properties: {
    subject: { type: 'string' },
    email: { type: 'string' },
    audience: { type: 'string' },
    issuer: { type: 'string' }
  },
  required: ['subject', 'audience', 'issuer']
})

const messageSchema = fromJsonSchema<{ message: string }>({
  type: 'object',
  properties: { message: { type: 'string', description: 'What to say back' } },
  required: ['message']
})

const createTools = (caller: Caller | undefined): McpServer => {
  const server = new McpServer({ name: 'whoami', version: '1.0.0' })
  const annotations = { readOnlyHint: true }
  server.registerTool(
    'whoami',
    { description: 'Says who is calling, as the token tells it', outputSchema: callerSchema, annotations },
    () => ({ content: [{ type: 'text', text: JSON.stringify(caller) }], structuredContent: { ...caller } })
  )
  server.registerTool(
    'echo',
    { description: 'Says it back', inputSchema: messageSchema, annotations },
    ({ message }) => ({
      content: [{ type: 'text', text: message }]
    })
  )
  return server
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
