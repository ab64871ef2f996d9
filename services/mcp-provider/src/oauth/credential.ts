import type { CredentialRow } from '../database.ts'

export type GrantType = 'authorization_code' | 'client_credentials'

/** Whose credential it is at which provider; a user of null is the tenant itself. */
export type Holder = { tenant_id: string; provider_id: string; user_id: string | null }

/** A stored credential as it is presented: what it is bound to, and what for. */
export type PresentedCredential = Pick<
  CredentialRow,
  | 'id'
  | 'tenant_id'
  | 'provider_id'
  | 'user_id'
  | 'issuer'
  | 'token_endpoint'
  | 'client_id'
  | 'grant_type'
  | 'resource'
  | 'scope'
  | 'generation'
>

/** What a token endpoint gave. Times in milliseconds since the epoch; null where it did not say. */
export type AccessToken = {
  token: string
  expires_at: number | null
  renew_at: number | null
  scope: string | undefined
}

const renewAheadMs = 60_000

/** When a token ends, and when another one is to be had: a minute before, or with a third of a short life left. */
export const lifeOf = (expires_in: number | undefined, now: number) => {
  if (expires_in === undefined) return { expires_at: null, renew_at: null }
  const lifeMs = expires_in * 1000
  return { expires_at: now + lifeMs, renew_at: now + lifeMs - Math.min(renewAheadMs, lifeMs / 3) }
}

type Place = Pick<PresentedCredential, 'id' | 'tenant_id' | 'user_id' | 'issuer' | 'resource' | 'generation'>

/** What a token is sealed for: it opens for this holder, authorization server, resource and generation only. */
export const tokenPlace = (
  { id, tenant_id, user_id, issuer, resource, generation }: Place,
  column: 'refresh_token' | 'access_token'
) => ({
  ...{ tenant_id, table: 'oauth_credential', column, row: id },
  ...{ user_id: user_id ?? '', issuer, resource, generation }
})
