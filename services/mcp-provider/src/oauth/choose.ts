import type { CredentialRow } from '../database.ts'
import type { Provider } from '../providers/provider.ts'
import type { Holder } from './credential.ts'
import type { CredentialStore } from './store.ts'

/** Whose credential somebody's own one would be. */
export const holderOf = ({ id, tenant_id, settings }: Provider, user_id: string | null): Holder => ({
  ...{ tenant_id, provider_id: id },
  user_id: settings.auth_scope === 'user' ? user_id : null
})

/**
 * What a provider is called with where no identity is forwarded. Where each user has their own, nobody gets another one's
 * or the tenant's, and an app has none. What was taken back is as if it had never been there; what ended asks for another
 * authorization.
 */
export const chooseCredential = async (
  credentials: Pick<CredentialStore, 'find'>,
  provider: Provider,
  user_id: string | null
): Promise<CredentialRow | undefined> => {
  if (provider.settings.auth_scope === 'user' && user_id === null) return undefined
  const row = await credentials.find(holderOf(provider, user_id))
  return row?.dead_reason === 'revoked' ? undefined : row
}
