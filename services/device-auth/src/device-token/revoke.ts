import { deviceEvent } from '../audit/event.ts'
import type { TokenStore } from './store.ts'

export type RevokeTools = { tokens: Pick<TokenStore, 'revoke'>; announce: (id: string) => void }

export type Revocation = { id: string; tenant_id: string; actor_user_id: string; ip: string; request_id: string }

/** Ends a token; doing it again changes nothing. */
export const revokeToken = async (
  { id, tenant_id, ...actor }: Revocation,
  { tokens, announce }: RevokeTools
): Promise<void> => {
  const event = deviceEvent({ event: 'oauth.token_revoked', tenant_id, token_id: id, ...actor })
  if (await tokens.revoke(id, tenant_id, event)) announce(id)
}
