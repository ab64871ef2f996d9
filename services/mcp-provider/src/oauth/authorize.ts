import { ReportedError } from '@onbehalf/errors'
import type { Asker } from '../asker.ts'
import type { Provider } from '../providers/provider.ts'
import { type Begun, beginAuthorization } from './begin.ts'
import { holderOf } from './choose.ts'
import type { GrantType } from './credential.ts'
import { credentialEvent } from './event.ts'
import type { OauthDesk } from './needs.ts'

type Asked = { provider: Provider; asker: Asker; redirectUri: string; grantType?: GrantType | undefined }

/** Begins an authorization for whoever asks: for the tenant, where they may, or for themselves. */
export const authorize = (desk: OauthDesk, { provider, asker, redirectUri, grantType }: Asked): Promise<Begun> =>
  beginAuthorization(desk, {
    ...{ provider, holder: ownHolder(provider, asker), by: asker.audit, redirectUri, grantType }
  })

/** Forgets what was authorized: the tenant's, or the asker's own. */
export const revokeAuthorization = async (
  { credentials, publish }: Pick<OauthDesk, 'credentials' | 'publish'>,
  provider: Provider,
  asker: Asker
): Promise<void> => {
  const holder = ownHolder(provider, asker)
  if (await credentials.revoke(holder, credentialEvent(asker.audit, 'revoked', holder))) publish(provider)
}

const ownHolder = (provider: Provider, asker: Asker) => {
  if (provider.settings.auth_scope === 'tenant' && !asker.isAdministrator)
    throw new ReportedError(
      'forbidden',
      "Its credentials are the tenant's: only an owner or admin can authorize this provider."
    )
  if (provider.settings.auth_scope === 'user' && asker.user_id === null)
    throw new ReportedError('forbidden', 'Each user authorizes this provider for themselves; an API key is nobody.')
  return holderOf(provider, asker.user_id)
}
