import type { CredentialRow } from '../database.ts'
import type { Provider } from '../providers/provider.ts'
import type { Holder } from './credential.ts'
import type { CredentialStore } from './store.ts'

/** Whose credential somebody's own one would be. */
export const holderOf = ({ id, tenant_id, settings }: Provider, user_id: string | null): Holder => ({
  ...{ tenant_id, provider_id: id },
  user_id: settings.auth_scope === 'user' ? user_id : null
})

/** What a provider is called with where no identity is forwarded: the user's own credential, else the tenant's. */
export const chooseCredential = async (
  credentials: Pick<CredentialStore, 'find'>,
  provider: Provider,
  user_id: string | null
): Promise<CredentialRow | undefined> => {
  const own = holderOf(provider, user_id)
  const found = await stored(credentials, own)
  return found || own.user_id === null ? found : stored(credentials, { ...own, user_id: null })
}

/** What was taken back is as if it had never been there; what ended asks for another authorization. */
const stored = async (credentials: Pick<CredentialStore, 'find'>, holder: Holder) => {
  const row = await credentials.find(holder)
  return row?.dead_reason === 'revoked' ? undefined : row
}
