import { randomBytes } from 'node:crypto'
import { type ClientMetadata, Provider } from 'oidc-provider'
import { loggedOutPage, logoutPage } from './pages.ts'
import type { createResources } from './resources.ts'
import type { Signer } from './signer.ts'
import type { createStorage } from './storage.ts'
import { tokenExchange } from './token-exchange.ts'
import type { IdpUser } from './users.ts'

export type ProviderOptions = {
  issuer: string
  clients: ClientMetadata[]
  users: readonly IdpUser[]
  accessTokenSeconds: number
  refreshTokenSeconds: number
  rotateRefreshTokens: boolean
  registersClients: boolean
  readClientDocument: ((url: string) => Promise<Response>) | undefined
  storage: ReturnType<typeof createStorage>
  resources: ReturnType<typeof createResources>
  signer: Signer
}

const defaults: Omit<ClientMetadata, 'client_id'> = {
  grant_types: ['authorization_code', 'refresh_token', tokenExchange],
  response_types: ['code'],
  id_token_signed_response_alg: 'ES256'
}

/** oidc-provider as a strict IdP: PKCE always, refresh tokens that rotate and are revoked when one is used twice. */
export const createProvider = (options: ProviderOptions): Provider => {
  const { readClientDocument: readDocument } = options
  const { issuer, users, storage, resources, signer, accessTokenSeconds, refreshTokenSeconds } = options
  const accountOf = (sub: string) => users.find((user) => user.sub === sub)

  return new Provider(issuer, {
    adapter: storage.adapter,
    clients: options.clients.map((client) => ({ ...defaults, ...client })),
    // What registers itself does not say it, and there is no RSA key here.
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [signer.jwk] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // The id_token carries the e-mail too, as most IdPs do it.
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', 'email', 'profile', 'mcp'],
    pkce: { required: () => true },
    rotateRefreshToken: () => options.rotateRefreshTokens,
    findAccount: async (_ctx, sub) => {
      const user = accountOf(sub)
      if (!user) return undefined
      const { email, email_verified, name } = user
      return { accountId: sub, claims: async () => ({ sub, email, email_verified, name }) }
    },
    extraTokenClaims: async (_ctx, token) => {
      const user = 'accountId' in token && token.accountId ? accountOf(token.accountId) : undefined
      return user && { email: user.email, email_verified: user.email_verified }
    },
    features: {
      devInteractions: { enabled: false },
      ...(options.registersClients ? { registration: { enabled: true }, clientCredentials: { enabled: true } } : {}),
      ...(readDocument ? { clientIdMetadataDocument: { enabled: true, ack: 'draft-02' } } : {}),
      introspection: { enabled: true, allowedPolicy: async () => true },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: resources.describe,
        useGrantedResource: async () => false
      },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx, form) => {
          ctx.body = logoutPage(form)
        },
        postLogoutSuccessSource: async (ctx) => {
          ctx.body = loggedOutPage()
        }
      }
    },
    // Without the guard it brings along: here all that it fetches from and calls is on loopback.
    fetch: (url, { dispatcher: _guard, ...options } = {}) =>
      readDocument && String(url).startsWith('https:') ? readDocument(String(url)) : globalThis.fetch(url, options),
    interactions: { url: async (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      Grant: refreshTokenSeconds,
      IdToken: accessTokenSeconds,
      Interaction: 600,
      RefreshToken: refreshTokenSeconds,
      Session: 86_400
    }
  })
}
