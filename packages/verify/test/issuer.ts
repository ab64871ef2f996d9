import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { base64url, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

type Teardown = { teardown: (work: () => Promise<void>) => unknown }

/** An HTTP server on loopback until the test ends. */
export const serve = async (t: Teardown, listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return `http://127.0.0.1:${port}`
}

export const audience = 'https://tools.example.com/mcp'

/** An issuer that publishes keys, counts who asks, and signs what a test wants. */
export const startIssuer = async (t: Teardown, { path = '', alg = 'ES256' } = {}) => {
  const pair = await generateKeyPair(alg, { extractable: true })
  const kid = randomUUID()
  const keys: JWK[] = [{ ...(await exportJWK(pair.publicKey)), kid, alg, use: 'sig' }]
  const asked: string[] = []
  const answers: Record<string, () => { status?: number; headers?: Record<string, string>; body?: string }> = {}
  const origin = await serve(t, (request, response) => {
    const url = request.url ?? ''
    asked.push(url)
    const { status = 200, headers = {}, body = '{}' } = answers[url]?.() ?? { status: 404 }
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  })
  const issuer = `${origin}${path}`
  const base = issuer.replace(/\/$/, '')
  const basePath = path.replace(/\/$/, '')
  const metadata: Record<string, unknown> = { issuer, jwks_uri: `${base}/jwks` }
  answers[`${basePath}/.well-known/openid-configuration`] = () => ({ body: JSON.stringify(metadata) })
  answers[`${basePath}/jwks`] = () => ({ body: JSON.stringify({ keys }) })

  const now = () => Math.floor(Date.now() / 1000)
  const usual = () => ({
    ...{ iss: issuer, sub: 'ann', aud: audience, jti: randomUUID(), iat: now(), exp: now() + 60, client_id: 'flows' }
  })
  return {
    ...{ issuer, origin, kid, keys, answers, metadata, basePath, now, privateKey: pair.privateKey },
    /** How often the keys were asked for. */
    fetches: () => asked.filter((url) => url.endsWith('/jwks')).length,
    asked: () => [...asked],
    /** A token as the issuer makes them, but for what is given; undefined leaves a claim out. */
    sign: (claims: object = {}, header: object = {}, key: CryptoKey = pair.privateKey): Promise<string> => {
      const [head, body] = [
        { alg, typ: 'at+jwt', kid, ...header },
        { ...usual(), ...claims }
      ]
      return alg === 'ES256' ? signAnything(head, body, key) : new SignJWT(body).setProtectedHeader(head).sign(key)
    }
  }
}

/** ES256 over whatever is given: what a library would refuse to sign can be sent all the same. */
const signAnything = async (header: object, claims: object, key: CryptoKey): Promise<string> => {
  const text = [header, claims].map((part) => base64url.encode(JSON.stringify(part))).join('.')
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, Buffer.from(text))
  return `${text}.${base64url.encode(new Uint8Array(signature))}`
}

export type Issuer = Awaited<ReturnType<typeof startIssuer>>
