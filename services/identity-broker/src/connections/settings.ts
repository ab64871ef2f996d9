import type { Connection } from '../database.ts'

/** What is decided about a connection, its secret in clear. Of an `oidc` one, `token_endpoint` is what discovery told. */
export type Settings = Pick<
  Connection,
  | 'name'
  | 'kind'
  | 'issuer'
  | 'authorization_endpoint'
  | 'token_endpoint'
  | 'userinfo_endpoint'
  | 'revocation_endpoint'
  | 'claims'
  | 'saml'
  | 'client_id'
  | 'client_authentication'
  | 'scopes'
  | 'resource_support'
  | 'rotating'
  | 'quirks'
> & { client_secret: string | null }

export const defaultScopes = 'openid email profile offline_access'

export const blankSettings = {
  ...{ authorization_endpoint: null, token_endpoint: null, userinfo_endpoint: null, revocation_endpoint: null },
  ...{ claims: null, saml: null, client_secret: null, rotating: true, quirks: [] }
}

/** The settings of a stored connection. */
export const settingsOf = (stored: Connection, client_secret: string | null): Settings => {
  const { name, kind, issuer, claims, saml, client_id, client_authentication, scopes } = stored
  const { authorization_endpoint, token_endpoint, userinfo_endpoint, revocation_endpoint } = stored
  const { resource_support, rotating, quirks } = stored
  return {
    ...{ name, kind, issuer, claims, saml, client_id, client_secret, client_authentication, scopes },
    ...{ authorization_endpoint, token_endpoint, userinfo_endpoint, revocation_endpoint },
    ...{ resource_support, rotating, quirks }
  }
}

/** What is believed of an IdP only because somebody said so: who came back, and for whom a token is. */
const trusting: ReadonlySet<string> = new Set(['no_nonce', 'no_iss_parameter', 'opaque_tokens_are_bound'])

/**
 * All that decides where somebody who signs in is led, who they are said to be, and where what is theirs is sent; two
 * that are alike lead alike.
 */
export const leadsTo = ({ issuer, client_id, claims, saml, quirks, ...settings }: Settings): string => {
  const { authorization_endpoint, token_endpoint, userinfo_endpoint, revocation_endpoint } = settings
  const endpoints = [authorization_endpoint, token_endpoint, userinfo_endpoint, revocation_endpoint]
  const trust = quirks.filter((quirk) => trusting.has(quirk)).sort()
  return JSON.stringify([issuer, client_id, trust, ...endpoints, ...[claims, saml].map((one) => one && sorted(one))])
}

const sorted = (values: object) => Object.entries(values).sort()

type Place = Pick<Settings, 'issuer' | 'token_endpoint' | 'revocation_endpoint'>

/**
 * Whether what was stored for a connection would be sent to another place than it was stored for. A token endpoint
 * that was not known yet is no other one.
 */
export const isMoved = (stored: Place, next: Place): boolean =>
  stored.issuer !== next.issuer ||
  (stored.token_endpoint !== null && stored.token_endpoint !== next.token_endpoint) ||
  (next.revocation_endpoint !== null && stored.revocation_endpoint !== next.revocation_endpoint)
