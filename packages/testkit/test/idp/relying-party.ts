import { createHash, randomBytes } from 'node:crypto'
import { type Browser, type SignIn, signIn } from '../../src/http/index.ts'
import type { Idp } from '../../src/idp/index.ts'

export const client = {
  client_id: 'broker',
  client_secret: 'a-secret-of-the-test-only',
  redirect_uris: ['http://127.0.0.1:1/callback'],
  token_endpoint_auth_method: 'client_secret_post'
} as const

export const alice = {
  sub: 'alice',
  email: 'alice@example.com',
  email_verified: true,
  name: 'Alice',
  password: 'wonder'
}
export const bob = { sub: 'bob', email: 'bob@example.com', email_verified: true, name: 'Bob' }

export type Tokens = {
  status: number
  access_token: string
  refresh_token: string
  id_token: string
  error: string
}

const readTokens = async (response: Response): Promise<Tokens> => {
  const body: unknown = await response.json().catch(() => ({}))
  const field = (name: string): string =>
    typeof body === 'object' && body !== null && name in body ? String(Reflect.get(body, name)) : ''
  return {
    status: response.status,
    access_token: field('access_token'),
    refresh_token: field('refresh_token'),
    id_token: field('id_token'),
    error: field('error')
  }
}

export const askTokens = async (idp: Idp, form: Record<string, string>): Promise<Tokens> => {
  const { client_id, client_secret } = client
  const body = new URLSearchParams({ client_id, client_secret, ...form })
  return readTokens(await fetch(`${idp.issuer}/token`, { method: 'POST', body }))
}

export const refresh = (idp: Idp, refresh_token: string, resource?: string): Promise<Tokens> =>
  askTokens(idp, { grant_type: 'refresh_token', refresh_token, ...(resource && { resource }) })

/** Authorization code with PKCE, played by a browser to the end. */
export const authorize = async (
  idp: Idp,
  browser: Browser,
  { resources, ...who }: { resources: string[] } & SignIn
) => {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: client.redirect_uris[0],
    response_type: 'code',
    scope: 'openid email profile offline_access',
    prompt: 'consent',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'state'
  })
  for (const resource of resources) query.append('resource', resource)
  // The callback is nobody's address, so the browser stops before it.
  const stopping: Browser = {
    ...browser,
    visit: (url, visit) => browser.visit(url, { follow: (to) => to.port !== '1', ...visit }),
    submit: (page, form, submit) => browser.submit(page, form, { follow: (to) => to.port !== '1', ...submit })
  }
  const page = await signIn(stopping, `${idp.issuer}/auth?${query}`, who)
  const location = page.headers.location
  const callback = new URL(typeof location === 'string' ? location : 'none:')
  return { page, callback, verifier }
}

export const signInForTokens = async (
  idp: Idp,
  browser: Browser,
  who: { resources: string[] } & SignIn
): Promise<Tokens> => {
  const { callback, verifier } = await authorize(idp, browser, who)
  return askTokens(idp, {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: client.redirect_uris[0],
    code_verifier: verifier
  })
}
