import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { type ClientMetadata, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { listen, stopServer } from '../http/listen.ts'
import { createLog, type IdpLog } from './log.ts'
import { createSigner, type Signer } from './signer.ts'
import { createStorage } from './storage.ts'

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const registration: Partial<ClientMetadata> = {
  ...{ grant_types: [jwtBearer], response_types: [], redirect_uris: [] },
  id_token_signed_response_alg: 'ES256'
}

/** What goes otherwise than it should with the tokens it issues. */
export type TokenFault = {
  error?: { status: number; error: string }
  answer?: Record<string, unknown>
  claims?: Record<string, unknown>
}

export type AuthorizationServerOptions = {
  /** Left out: a free one. */
  port?: number
  /** The IdP whose ID-JAGs are accepted. */
  idp: string
  client: { client_id: string; client_secret: string }
  accessTokenSeconds?: number
  onSecret?: (secret: string) => void
}

export type AuthorizationServer = {
  issuer: string
  port: number
  stop: () => Promise<void>
  log: () => IdpLog
  /** How its answers go wrong from now on. */
  disturb: (next: () => TokenFault | undefined) => void
}

/**
 * The authorization server of an MCP server: gives tokens for ID-JAGs of the IdP it trusts, as
 * draft-ietf-oauth-identity-assertion-authz-grant has it, each of which works once.
 */
export const startAuthorizationServer = async ({
  port: preferred,
  idp,
  client,
  accessTokenSeconds = 300,
  onSecret = () => {}
}: AuthorizationServerOptions): Promise<AuthorizationServer> => {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.destroy()
  const server = createServer((request, response) => handle(request, response))
  const port = await listen(server, preferred)
  const issuer = `http://127.0.0.1:${port}`
  const signer = await createSigner(issuer)
  const log = createLog()
  const accept = createAcceptance(idp, issuer)
  let disturb: () => TokenFault | undefined = () => undefined
  const provider = new Provider(issuer, {
    adapter: createStorage().adapter,
    clients: [{ ...client, ...registration }],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [signer.jwk] },
    features: { devInteractions: { enabled: false } }
  })
  const grant = async (ctx: KoaContextWithOIDC): Promise<void> => {
    const entry = { at: new Date().toISOString(), grant_type: jwtBearer, client_id: ctx.oidc.client?.clientId }
    const accepted = await accept(ctx).catch((error: Error) => {
      log.add({ ...entry, sub: undefined, resource: undefined, status: 400, error: error.message })
      throw error
    })
    log.add({ ...entry, ...accepted, status: 200, error: undefined })
    await answer(ctx, signer, { ...accepted, seconds: accessTokenSeconds }, disturb())
    onSecret(String(ctx.oidc.params?.assertion))
  }
  provider.registerGrantType(jwtBearer, grant, ['assertion', 'scope', 'resource'], [])
  const callback = provider.callback()
  handle = (request, response) => {
    callback(request, response).catch(() => response.destroy())
  }
  return {
    issuer,
    port,
    stop: () => stopServer(server),
    log: log.snapshot,
    disturb: (next) => {
      disturb = next
    }
  }
}

/** Checks an ID-JAG (§ Processing Rules of the draft) and says for whom and for which server it is. */
const createAcceptance = (idp: string, issuer: string) => {
  const keys = createRemoteJWKSet(new URL(`${idp}/jwks`))
  const used = new Set<string>()
  return async (ctx: KoaContextWithOIDC): Promise<{ sub: string; resource: string }> => {
    const assertion = String(ctx.oidc.params?.assertion)
    const options = { issuer: idp, audience: issuer, typ: 'oauth-id-jag+jwt', requiredClaims: ['exp', 'jti', 'sub'] }
    const { payload } = await jwtVerify(assertion, keys, options).catch(() => {
      throw new errors.InvalidGrant(`the assertion does not hold: ${typOf(assertion)}`)
    })
    const { sub = '', jti = '', client_id, resource } = payload
    if (payload.aud !== issuer || client_id !== ctx.oidc.client?.clientId || typeof resource !== 'string')
      throw new errors.InvalidGrant('the assertion is for somebody else')
    if (used.has(jti)) throw new errors.InvalidGrant('the assertion was used before')
    used.add(jti)
    return { sub, resource }
  }
}

const typOf = (assertion: string) => {
  try {
    return decodeProtectedHeader(assertion).typ
  } catch {
    return 'no JWT'
  }
}

const answer = async (
  ctx: KoaContextWithOIDC,
  signer: Signer,
  { sub, resource, seconds }: { sub: string; resource: string; seconds: number },
  fault: TokenFault | undefined
): Promise<void> => {
  ctx.status = fault?.error?.status ?? 200
  if (fault?.error) {
    ctx.body = { error: fault.error.error }
    return
  }
  const claims = { sub, aud: resource, client_id: ctx.oidc.client?.clientId, ...fault?.claims }
  ctx.body = {
    access_token: await signer.sign('at+jwt', seconds, claims),
    token_type: 'Bearer',
    expires_in: seconds,
    ...fault?.answer
  }
}
