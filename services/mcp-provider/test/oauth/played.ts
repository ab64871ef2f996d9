import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, recordSecrets, stopServer } from '@onbehalf/testkit'
import type { Test } from 'tap'

/** One request to an endpoint of the authorization server: what was sent as a form or as JSON. */
type Asked = { fields: Record<string, unknown>; authorization: string | undefined }

export type Played = {
  origin: string
  url: string
  /** `address:port`, as EGRESS_ALLOW has it. */
  address: string
  /** What the documents say instead of what is usual; undefined leaves a field out. */
  metadata: Record<string, unknown>
  resource: Record<string, unknown>
  /** What its 401 says. */
  challenge: string
  /** What the token endpoint answers, on top of a new token; `gate` is waited for first. */
  token: { status?: number; body?: object; gate?: Promise<void>; onAsked?: () => void }
  /** What a registration says, on top of a new client. */
  registration: object
  /** What the revocation endpoint answers. */
  revocation: { status?: number }
  /** What was asked of `/token`, `/register` and `/revoke`, and the Authorization of `/mcp`. */
  tokens: Asked[]
  registrations: Asked[]
  revocations: Asked[]
  calls: (string | undefined)[]
  /** Every secret and token it gave. */
  given: string[]
}

/** Everything as it usually is, and nothing asked yet. */
export const reset = (played: Played): void => {
  Object.assign(played, {
    metadata: {},
    resource: {},
    challenge: 'Bearer',
    token: {},
    registration: {},
    revocation: {}
  })
  for (const noted of [played.tokens, played.registrations, played.revocations, played.calls]) noted.length = 0
}

const modernVersion = '2026-07-28'
const json = { 'content-type': 'application/json' }

/**
 * An MCP server and its authorization server in one, which takes the tokens it gave. What both say is the test's; nobody
 * is asked anything: a test makes up the code that comes back.
 */
export const startPlayed = async (t: Test, { host = '127.0.0.1' } = {}): Promise<Played> => {
  const played: Played = {
    ...{
      origin: '',
      url: '',
      address: '',
      metadata: {},
      resource: {},
      challenge: 'Bearer',
      token: {},
      registration: {},
      revocation: {}
    },
    ...{ tokens: [], registrations: [], revocations: [], calls: [], given: [] }
  }
  const endpoints: Record<string, (asked: Asked) => Promise<{ status?: number; body: object }>> = {
    '/.well-known/oauth-protected-resource/mcp': async () => ({ body: resourceOf(played) }),
    '/.well-known/oauth-authorization-server': async () => ({ body: metadataOf(played) }),
    '/register': async (asked) => {
      played.registrations.push(asked)
      const client_secret = secret()
      const { token_endpoint_auth_method } = asked.fields
      return {
        status: 201,
        body: {
          ...{ client_id: `client-${played.given.length}`, client_secret, token_endpoint_auth_method },
          ...played.registration
        }
      }
    },
    '/token': async (asked) => {
      played.tokens.push(asked)
      const { status, body, gate, onAsked } = played.token
      onAsked?.()
      await gate
      const usual = { access_token: secret(), refresh_token: secret(), token_type: 'Bearer', expires_in: 300 }
      return { ...(status ? { status } : {}), body: body ?? usual }
    },
    '/revoke': async (asked) => {
      played.revocations.push(asked)
      return { ...played.revocation, body: {} }
    }
  }
  const secret = () => {
    const made = randomBytes(24).toString('base64url')
    recordSecrets([made])
    played.given.push(made)
    return made
  }
  const callTools = (request: IncomingMessage, text: string, response: ServerResponse) => {
    const { authorization } = request.headers
    played.calls.push(authorization)
    if (!played.given.some((token) => authorization === `Bearer ${token}`))
      return response.writeHead(401, { 'www-authenticate': played.challenge }).end()
    const { id, method } = JSON.parse(text)
    const serverInfo = { name: 'played', version: '1' }
    const discovered = { supportedVersions: [modernVersion], capabilities: { tools: {} }, serverInfo }
    const result = method === 'tools/list' ? { tools: [{ name: 'noted' }] } : discovered
    return response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  }
  const server = createServer(async (request, response) => {
    const text = await textOf(request)
    const { pathname } = new URL(request.url ?? '/', played.origin)
    if (pathname === '/mcp') return callTools(request, text, response)
    const endpoint = endpoints[pathname]
    if (!endpoint) return response.writeHead(404).end()
    const { status = 200, body } = await endpoint({ fields: fieldsOf(request, text), ...authorizationOf(request) })
    response.writeHead(status, json).end(JSON.stringify(body))
  })
  played.address = `${host}:${await listen(server, 0, host)}`
  t.teardown(() => stopServer(server))
  played.origin = `http://${played.address}`
  played.url = `${played.origin}/mcp`
  return played
}

const resourceOf = ({ origin, url, resource }: Played) => ({
  ...{ resource: url, authorization_servers: [origin] },
  ...resource
})

const metadataOf = ({ origin, metadata }: Played) => ({
  issuer: origin,
  ...{ authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` },
  ...{ registration_endpoint: `${origin}/register`, revocation_endpoint: `${origin}/revoke` },
  code_challenge_methods_supported: ['S256'],
  ...metadata
})

const textOf = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

const authorizationOf = ({ headers: { authorization } }: IncomingMessage) => ({ authorization })

const fieldsOf = ({ headers }: IncomingMessage, text: string): Record<string, unknown> =>
  headers['content-type'] === 'application/json' ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text))
