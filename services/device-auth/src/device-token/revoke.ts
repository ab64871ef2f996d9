import type { AuditContext } from '@onbehalf/service-kit'
import type { TokenStore, Which } from './store.ts'

export type RevokeTools = { tokens: Pick<TokenStore, 'revoke'>; announce: (id: string) => void }

/** Ends what `which` names and has not ended yet, on record and everywhere; answers how many that were. */
export const revokeTokens = async (
  which: Which,
  by: AuditContext & { details?: { via: string } },
  { tokens, announce }: RevokeTools
): Promise<number> => {
  const ended = await tokens.revoke(which, ({ id, client_id, device_label }) => ({
    ...by,
    action: 'oauth.token_revoked',
    subject: { kind: 'device_token', id },
    details: { client_id, device_label, ...by.details }
  }))
  for (const { id } of ended) announce(id)
  return ended.length
}
