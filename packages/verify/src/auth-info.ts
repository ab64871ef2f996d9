import type { Identity } from './identity.ts'

/** What the MCP SDK hands to tools as `authInfo`; the identity is in `extra`. */
export type AuthInfo = {
  token: string
  clientId: string
  scopes: string[]
  expiresAt: number
  extra: { identity: Identity }
}

export const authInfoOf = (identity: Identity, authorization: string | null | undefined): AuthInfo => ({
  token: (authorization ?? '').replace(/^Bearer +/i, '').trim(),
  clientId: identity.client_id ?? identity.subject,
  scopes: [...identity.scopes],
  expiresAt: identity.expires_at,
  extra: { identity }
})
