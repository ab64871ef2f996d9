import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { ClientMetadata } from 'oidc-provider'
import { listen, stopServer } from '../http/listen.ts'
import { createFaults, type MakeAnswer, type TokenEndpointFault } from './faults.ts'
import { createHold, type HeldRequest } from './hold.ts'
import { interact } from './interactions.ts'
import { createLog, type IdpLog } from './log.ts'
import { createPresentations, type Presentation } from './presentations.ts'
import { createProvider } from './provider.ts'
import { createResources } from './resources.ts'
import { createSigner } from './signer.ts'
import { createStorage } from './storage.ts'
import { watchTokenEndpoint } from './token-endpoint.ts'
import { type AskedExchange, createTokenExchange, type ExchangeFault } from './token-exchange.ts'
import type { IdpUser } from './users.ts'

export type IdpClient = ClientMetadata
export type IdpOptions = {
  /** Left out: a free one. */
  port?: number
  /** How the issuer names the host; the address listened on is always 127.0.0.1. */
  issuerHost?: '127.0.0.1' | 'localhost'
  /** Defaults: authorization code and refresh token, ES256 id_tokens. */
  clients: IdpClient[]
  users: IdpUser[]
  /** The resources that may be asked for; `any-http` (the default): every http(s) URL. */
  resources?: 'any-http' | string[]
  accessTokenSeconds?: number
  refreshTokenSeconds?: number
  rotateRefreshTokens?: boolean
  /** Registers clients that ask for it (RFC 7591), and gives tokens to clients for themselves. */
  registersClients?: boolean
  /** Takes clients whose id is the https address of their metadata, which this reads. */
  readClientDocument?: (url: string) => Promise<Response>
  /** Told of every code and token that passes the token endpoint, for the search after a test run. */
  onSecret?: (secret: string) => void
}

export type Idp = {
  issuer: string
  port: number
  stop: () => Promise<void>
  log: () => IdpLog
  /** Every refresh token that was shown until now, whatever came of it. */
  presentations: () => Presentation[]
  /** Revokes everything the user granted; says how many grants that were. */
  revokeGrantsOf: (sub: string) => number
  controls: {
    /** The next requests to the token endpoint get this in place of its work. */
    failTokenEndpoint: (fault: TokenEndpointFault | MakeAnswer, times?: number) => void
    /** The next request to the token endpoint, once it is there, or once its work is done. */
    holdTokenRequest: (at: 'arrival' | 'answer') => Promise<HeldRequest>
    allowResource: (resource: string) => void
    trustAuthorizationServer: (issuer: string, clientId: string) => void
    disturbExchanges: (next: (asked: AskedExchange) => ExchangeFault | undefined) => void
  }
}

/** Starts an IdP for tests and the demo, on loopback only. Everything it knows is in memory. */
export const startIdp = async (options: IdpOptions): Promise<Idp> => {
  const { users, issuerHost = '127.0.0.1', accessTokenSeconds = 300, refreshTokenSeconds = 14 * 86_400 } = options
  let handle: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.destroy()
  const server = createServer((request, response) => handle(request, response))
  const port = await listen(server, options.port)
  const issuer = `http://${issuerHost}:${port}`

  const log = createLog()
  const presentations = createPresentations()
  const faults = createFaults()
  const hold = createHold()
  const storage = createStorage()
  const resources = createResources(options.resources ?? 'any-http', accessTokenSeconds)
  const signer = await createSigner(issuer)
  const { clients, rotateRefreshTokens = true, registersClients = false } = options
  const provider = createProvider({
    ...{ issuer, clients, users, storage, resources, signer },
    ...{ accessTokenSeconds, refreshTokenSeconds, rotateRefreshTokens, registersClients },
    readClientDocument: options.readClientDocument
  })
  const emailOf = (sub: string) => users.find((user) => user.sub === sub)?.email
  const exchange = createTokenExchange({ signer, resources, accessTokenSeconds, emailOf })
  exchange.register(provider)
  const { onSecret = () => {} } = options
  watchTokenEndpoint(provider, { log, presentations, faults, hold, signer, onSecret })

  const answer = provider.callback()
  handle = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer)
    const giveUp = () => response.destroy()
    if (pathname.startsWith('/interaction/')) interact({ provider, users, request, response }).catch(giveUp)
    else if (pathname === '/_log' && request.method === 'GET') sendJson(response, log.snapshot())
    else if (pathname === '/_revoke' && request.method === 'POST') {
      sendJson(response, { revoked: storage.revokeGrantsOf(searchParams.get('sub') ?? '') })
    } else answer(request, response).catch(giveUp)
  }

  return {
    issuer,
    port,
    stop: () => stopServer(server),
    log: log.snapshot,
    presentations: presentations.snapshot,
    revokeGrantsOf: storage.revokeGrantsOf,
    controls: {
      failTokenEndpoint: faults.failTokenEndpoint,
      holdTokenRequest: hold.holdTokenRequest,
      allowResource: resources.allow,
      trustAuthorizationServer: exchange.trustAuthorizationServer,
      disturbExchanges: exchange.disturbExchanges
    }
  }
}

const sendJson = (response: ServerResponse, body: unknown): void => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
