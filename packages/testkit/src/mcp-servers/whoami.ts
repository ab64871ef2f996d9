import {
  createMcpHandler,
  fromJsonSchema,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  McpServer
} from '@modelcontextprotocol/server'
import { createVerifier, type Identity, memoryReplayStore, type Verifier, VerifyError } from '@onbehalf/verify'
import { serveFetch } from './serve-fetch.ts'

/** Who calls, as the token says; `actor` is the app that acts for them. */
type Caller = { subject: string; email?: string; audience: string; issuer: string; actor?: string }

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
  isClosed = false,
  now
}: {
  port?: number
  issuer: string
  url?: string
  /** What its metadata (RFC 9728) names; the issuer when left out. */
  authorizationServers?: string[]
  /** Whether nothing at all is answered without a token. */
  isClosed?: boolean
  now?: () => Date
}): Promise<Whoami> => {
  const entries: WhoamiLogEntry[] = []
  let answer: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 })
  const { port, stop } = await serveFetch((request) => answer(request), preferred)
  const url = givenUrl ?? `http://127.0.0.1:${port}/mcp`
  const verifier = createVerifier({
    issuers: [issuer],
    audience: url,
    ...(isClosed ? { resourceMetadata: `http://127.0.0.1:${port}/.well-known/oauth-protected-resource/mcp` } : {}),
    toleranceSeconds: 0,
    replay: memoryReplayStore(),
    ...(now ? { now: () => now().getTime() } : {})
  })

  answer = async (request) => {
    const refused = hostHeaderValidationResponse(request, localhostAllowedHostnames())
    if (refused) return refused
    const { pathname } = new URL(request.url)
    if (pathname === '/_log' && request.method === 'GET') return Response.json(entries)
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return Response.json({ resource: url, authorization_servers: authorizationServers })
    if (pathname !== '/mcp') return new Response(null, { status: 404 })
    const body = await bodyOf(request)
    const tool = calledTool(body)
    if (tool === undefined && !isClosed) return serve(request, undefined)
    const identity = await identify(verifier, request, body)
    if (tool !== undefined) entries.push({ at: new Date().toISOString(), tool, who: whoIs(identity) })
    return identity instanceof VerifyError ? refuse(verifier, identity) : serve(request, callerOf(identity, url))
  }

  return { url, port, stop, log: () => [...entries] }
}

const identify = (verifier: Verifier, request: Request, body: unknown): Promise<Identity | VerifyError> =>
  verifier.authenticate({ authorization: request.headers.get('authorization'), body }).catch((error: unknown) => {
    if (error instanceof VerifyError) return error
    throw error
  })

const whoIs = (identity: Identity | VerifyError): WhoamiLogEntry['who'] => {
  if (!(identity instanceof VerifyError)) return { subject: identity.subject }
  return identity.code === 'missing_token' ? 'anonymous' : 'rejected'
}

const callerOf = ({ subject, email, issuer, act }: Identity, audience: string): Caller => ({
  ...{ subject, audience, issuer },
  ...(email === undefined ? {} : { email }),
  ...(act === undefined ? {} : { actor: act.sub })
})

const refuse = (verifier: Verifier, error: VerifyError): Response => {
  const { status, headers, body } = verifier.refusalOf(error)
  return Response.json(body, { status, headers })
}

const bodyOf = async (request: Request): Promise<unknown> =>
  request.method === 'POST'
    ? request
        .clone()
        .json()
        .catch(() => undefined)
    : undefined

/** The tool a request calls, also as one of several messages; undefined for everything else. */
const calledTool = (body: unknown): string | undefined => {
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
    issuer: { type: 'string' },
    actor: { type: 'string' }
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
