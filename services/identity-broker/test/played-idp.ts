import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, recordSecrets, stopServer, type TestContext } from '@onbehalf/testkit'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export type Seen = { path: string; method: string; authorization: string | undefined; form: URLSearchParams }

type Answer = { status?: number; body: unknown; headers?: Record<string, string> }

/** An IdP whose every answer the test decides: for what a real one never says. */
export type PlayedIdp = {
  issuer: string
  port: number
  /** The discovery document; to be changed at will. */
  metadata: Record<string, unknown>
  /** What it shows at its `jwks_uri`. */
  keys: readonly JWK[]
  /** In place of the usual answer of a path; of `/auth`, what is sent back. */
  answers: Map<string, Answer>
  /** The claims of the next ID tokens, on top of the usual ones. */
  claims: Record<string, unknown>
  seen: Seen[]
  /** What the last sign-in asked for. */
  asked: URLSearchParams
  seenAt: (path: string) => Seen[]
  /** The usual claims with these; `undefined` leaves one out. */
  sign: (claims: Record<string, unknown>, header?: { kid?: string; typ?: string }) => Promise<string>
}

const kid = 'played'

export const playIdp = async (t: TestContext): Promise<PlayedIdp> => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }]
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const port = await listen(server)
  t.teardown(() => stopServer(server))
  const issuer = `http://127.0.0.1:${port}`
  let nonce: string | null = null

  const idp: PlayedIdp = {
    issuer,
    port,
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      userinfo_endpoint: `${issuer}/userinfo`,
      revocation_endpoint: `${issuer}/revoke`,
      id_token_signing_alg_values_supported: ['ES256'],
      code_challenge_methods_supported: ['S256']
    },
    keys,
    answers: new Map(),
    claims: {},
    seen: [],
    asked: new URLSearchParams(),
    seenAt: (path) => idp.seen.filter((one) => one.path === path),
    sign: (claims, header = {}) => {
      const now = Math.floor(Date.now() / 1000)
      const all = { iss: issuer, sub: 'ann', aud: 'onbehalf', iat: now, exp: now + 300, ...claims }
      return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid, ...header }).sign(privateKey)
    }
  }

  /** What a path answers unless the test says otherwise. */
  const usual: Record<string, (url: URL) => Promise<unknown>> = {
    '/.well-known/openid-configuration': async () => idp.metadata,
    '/jwks': async () => ({ keys }),
    '/userinfo': async () => ({ sub: 'ann', email: 'ann@acme.test', email_verified: true, name: 'Ann' }),
    '/revoke': async () => ({}),
    '/token': async () => {
      const id_token = await idp.sign({ nonce, email: 'ann@acme.test', email_verified: true, ...idp.claims })
      const [access_token, refresh_token] = [`access-${crypto.randomUUID()}`, `refresh-${crypto.randomUUID()}`]
      recordSecrets([id_token, access_token, refresh_token])
      return { access_token, token_type: 'Bearer', expires_in: 300, refresh_token, id_token }
    }
  }

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', issuer)
    const { authorization } = request.headers
    const form = new URLSearchParams(await textOf(request))
    idp.seen.push({ path: url.pathname, method: request.method ?? '', authorization, form })
    if (url.pathname === '/auth') return sendBack(url, response)
    const {
      status = 200,
      body,
      headers = {}
    } = idp.answers.get(url.pathname) ?? {
      body: await usual[url.pathname]?.(url)
    }
    const told = typeof body === 'function' ? await body(form) : body
    const text = typeof told === 'string' ? told : JSON.stringify(told ?? {})
    response.writeHead(body === undefined ? 404 : status, { 'content-type': 'application/json', ...headers }).end(text)
  }

  /** Nobody is asked: whoever comes is signed in. */
  const sendBack = ({ searchParams: asked }: URL, response: ServerResponse) => {
    idp.asked = asked
    nonce = asked.get('nonce')
    const back = new URL(asked.get('redirect_uri') ?? issuer)
    back.searchParams.set('state', asked.get('state') ?? '')
    const said = idp.answers.get('/auth')?.body ?? { code: 'a-code' }
    for (const [name, value] of Object.entries(said)) back.searchParams.set(name, String(value))
    response.writeHead(303, { location: back.href }).end()
  }
  return idp
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}
