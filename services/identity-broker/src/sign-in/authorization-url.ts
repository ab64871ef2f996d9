import { buildAuthorizationUrl, calculatePKCECodeChallenge } from 'openid-client'
import type { FindClient } from '../connections/client.ts'
import type { Connection, Tenant } from '../database.ts'
import { callbackUrl } from './callback-url.ts'

export type AskByOauthNeeds = { findClient: FindClient; publicUrl: string }

/**
 * Where somebody signs in, and what for; `isSwitch` where the IdP is to ask who it is, `max_age` where they have to have
 * signed in there within so many seconds, `isIdentityOnly` where nothing is to be left to get tokens with.
 */
export type Asked = {
  tenant: Tenant
  connection: Connection
  resources: string[]
  isSwitch: boolean
  max_age: number | undefined
  isIdentityOnly: boolean
}

/** Where the browser goes with what was begun; nothing was begun yet where the IdP does not answer. */
export type Locate = (begun: { state: string; nonce: string; codeVerifier: string }) => Promise<string>

/** The authorization request of OAuth, with PKCE, nonce and the resources (RFC 8707). */
export const askByOauth = async (
  { findClient, publicUrl }: AskByOauthNeeds,
  { tenant, connection, resources, isSwitch, max_age, isIdentityOnly }: Asked
): Promise<Locate> => {
  const { configuration } = await findClient(connection)
  const scopes = connection.scopes.split(' ').filter((scope) => !(isIdentityOnly && scope === offline))
  return async ({ state, nonce, codeVerifier }) => {
    const parameters = new URLSearchParams({
      redirect_uri: callbackUrl(publicUrl, tenant, connection),
      scope: scopes.join(' '),
      state,
      code_challenge: await calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256'
    })
    if (usesNonce(connection)) parameters.set('nonce', nonce)
    const prompt = promptOf(scopes, isSwitch)
    if (prompt) parameters.set('prompt', prompt)
    if (max_age !== undefined) parameters.set('max_age', String(max_age))
    for (const resource of resources) parameters.append('resource', resource)
    return buildAuthorizationUrl(configuration, parameters).href
  }
}

/** OIDC Core §3.1.2.1: a nonce ties an ID token to the browser, where there is one that repeats it. */
export const usesNonce = ({ kind, quirks }: Connection): boolean => kind === 'oidc' && !quirks.includes('no_nonce')

/** OIDC Core §11: a refresh token for somebody who is away is given only after consent. */
const promptOf = (scopes: readonly string[], isSwitch: boolean): string =>
  [...(isSwitch ? ['login'] : []), ...(scopes.includes(offline) ? ['consent'] : [])].join(' ')

const offline = 'offline_access'
