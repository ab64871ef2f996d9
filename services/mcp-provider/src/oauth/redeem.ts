import type { ServerMetadata } from '../authorization/server.ts'
import type { Provider } from '../providers/provider.ts'
import type { BroughtCredential } from './brought-store.ts'
import type { OauthDesk } from './desk.ts'
import { failed } from './problems.ts'
import type { AuthorizationState } from './state.ts'
import { askTokenEndpoint, errorIn, tokensIn, toldBy } from './token-endpoint.ts'

type Redeemed = {
  provider: Provider
  server: ServerMetadata
  remembered: AuthorizationState
  code: string
  codeVerifier: string
}

/** Gets a credential for a code: RFC 6749 §4.1.3 with RFC 7636 and RFC 8707. */
export const redeem = async (
  desk: Pick<OauthDesk, 'egress' | 'findKnownClient' | 'findKey' | 'retireClient' | 'now'>,
  { provider, server, remembered, code, codeVerifier }: Redeemed
): Promise<BroughtCredential> => {
  const { tenant_id, provider_id, user_id, issuer, client_id, resource, redirect_uri } = remembered
  const { token_endpoint } = server
  const { settings } = provider
  // It is the client that this began with, and where it began is what it is for where nothing else is known.
  const pinned = provider.authorization_issuer ?? issuer
  const grant_type = 'authorization_code' as const
  const wanted = { tenant_id, authentication: settings.authentication, pinned, grant_type, client_id }
  const client = await desk.findKnownClient(server, wanted)
  if (!client) throw failed('Our client there was changed meanwhile.')
  const fields = { grant_type, code, redirect_uri, code_verifier: codeVerifier, resource }
  const at = { issuer, findKey: () => desk.findKey(tenant_id), now: desk.now }
  const asked = { tokenEndpoint: token_endpoint, client, fields, timeoutMs: 10_000 }
  const answered = await askTokenEndpoint(desk.egress, asked, at)
  const tokens = tokensIn(answered, desk.now())
  if (errorIn(answered) === 'invalid_client') await desk.retireClient({ tenant_id, issuer, client_id })
  if (!tokens) throw failed('The authorization server gave no token.', toldBy(answered))
  const { access, refresh_token = null } = tokens
  const scope = access.scope ?? remembered.scope
  const bound = { tenant_id, provider_id, user_id, issuer, token_endpoint, client_id, grant_type, resource, scope }
  const asked_scope = remembered.scope
  return { ...bound, asked_scope, refresh_token, access: refresh_token === null ? untilItsEnd(access) : access }
}

/** What cannot be renewed is used until it ends. */
const untilItsEnd = <Access extends { expires_at: number | null }>(access: Access) => ({
  ...access,
  renew_at: access.expires_at
})
