import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { createResources } from './resources.ts'
import type { Signer } from './signer.ts'

export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'

const tokenTypes = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
  idJag: 'urn:ietf:params:oauth:token-type:id-jag'
}

/** What an exchange asks for, after the subject token was found to hold. */
export type AskedExchange = { sub: string; audience: string; resource: string; requestedTokenType: string }

/** What goes otherwise than it should: an error, or fields and claims of the answer that are other ones. */
export type ExchangeFault = {
  error?: { status: number; error: string; headers?: Record<string, string> }
  answer?: Record<string, unknown>
  claims?: Record<string, unknown>
  typ?: string
}

export type ExchangeOptions = {
  signer: Signer
  resources: ReturnType<typeof createResources>
  accessTokenSeconds: number
  emailOf: (sub: string) => string | undefined
}

/** RFC 8693 at the IdP: access tokens for a resource, and ID-JAGs for the authorization servers it was told of. */
export const createTokenExchange = (options: ExchangeOptions) => {
  const clients = new Map<string, string>()
  let disturb: (asked: AskedExchange) => ExchangeFault | undefined = () => undefined

  const exchange = async (ctx: KoaContextWithOIDC, provider: Provider): Promise<void> => {
    const client = ctx.oidc.client?.clientId ?? ''
    const sub = await subjectOf(ctx, provider, options.signer, client)
    const { audience, resource, requestedTokenType } = targetOf(ctx)
    const fault = disturb({ sub, audience, resource, requestedTokenType })
    if (fault?.error) return refuse(ctx, fault.error)
    const isJag = requestedTokenType === tokenTypes.idJag
    const clientThere = clients.get(audience)
    if (isJag && clientThere === undefined) throw new errors.InvalidTarget()
    const claims = isJag
      ? { sub, aud: audience, client_id: clientThere, resource, email: options.emailOf(sub), ...fault?.claims }
      : await accessTokenClaims(options, sub, { resource, client }, fault)
    const seconds = isJag ? 300 : options.accessTokenSeconds
    const token = await options.signer.sign(fault?.typ ?? (isJag ? 'oauth-id-jag+jwt' : 'at+jwt'), seconds, claims)
    ctx.body = {
      access_token: token,
      issued_token_type: isJag ? tokenTypes.idJag : tokenTypes.accessToken,
      token_type: isJag ? 'N_A' : 'Bearer',
      expires_in: seconds,
      ...fault?.answer
    }
  }

  return {
    register: (provider: Provider): void => {
      const parameters = [
        ...['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope'],
        ...['actor_token', 'actor_token_type']
      ]
      provider.registerGrantType(tokenExchange, (ctx) => exchange(ctx, provider), parameters, [])
    },
    /** Tells the IdP which client we are at an authorization server, so that it issues ID-JAGs for it. */
    trustAuthorizationServer: (issuer: string, clientId: string): void => {
      clients.set(issuer, clientId)
    },
    /** How exchanges go wrong from now on. */
    disturbExchanges: (next: (asked: AskedExchange) => ExchangeFault | undefined): void => {
      disturb = next
    }
  }
}

const subjectOf = async (
  ctx: KoaContextWithOIDC,
  provider: Provider,
  signer: Signer,
  client: string
): Promise<string> => {
  const { subject_token, subject_token_type } = ctx.oidc.params ?? {}
  if (subject_token_type === tokenTypes.idToken) {
    const claims = await signer.verify(String(subject_token), client).catch(() => undefined)
    if (claims?.sub) return claims.sub
  }
  if (subject_token_type === tokenTypes.accessToken) {
    const found = await provider.AccessToken.find(String(subject_token))
    if (found?.clientId === client && !found.isExpired) return found.accountId
  }
  // RFC 8693 §2.2.2
  throw new errors.InvalidRequest('the subject_token does not hold')
}

const targetOf = (ctx: KoaContextWithOIDC) => {
  const { audience = '', resource = '', requested_token_type = tokenTypes.accessToken } = ctx.oidc.params ?? {}
  return { audience: String(audience), resource: String(resource), requestedTokenType: String(requested_token_type) }
}

const accessTokenClaims = async (
  { resources, emailOf }: ExchangeOptions,
  sub: string,
  { resource, client }: { resource: string; client: string },
  fault: ExchangeFault | undefined
) => {
  const { audience = resource } = await resources.describe(undefined, resource)
  return { sub, aud: audience, client_id: client, email: emailOf(sub), ...fault?.claims }
}

const refuse = (ctx: KoaContextWithOIDC, { status, error, headers }: NonNullable<ExchangeFault['error']>): void => {
  ctx.status = status
  if (headers) ctx.set(headers)
  ctx.body = { error }
}
