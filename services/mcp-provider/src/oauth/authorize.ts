import { ReportedError } from '@onbehalf/errors'
import type { Asker } from '../asker.ts'
import type { Provider } from '../providers/provider.ts'
import { type Begun, beginAuthorization } from './begin.ts'
import { holderOf } from './choose.ts'
import type { GrantType, Holder } from './credential.ts'
import type { OauthDesk } from './desk.ts'
import { credentialEvent } from './event.ts'

type Asked = {
  provider: Provider
  asker: Asker
  isOfConsole?: boolean | undefined
  grantType?: GrantType | undefined
}

/** Begins an authorization for whoever asks: for the tenant, where they may, or for themselves. */
export const authorize = (desk: OauthDesk, { provider, asker, ...how }: Asked): Promise<Begun> =>
  beginAuthorization(desk, { provider, holder: ownHolder(provider, asker), by: asker.audit, ...how })

/** Forgets what was authorized: the tenant's, or the asker's own; and tells its authorization server so. */
export const revokeAuthorization = async (
  { credentials, publish, revokeDropped }: Pick<OauthDesk, 'credentials' | 'publish' | 'revokeDropped'>,
  provider: Provider,
  asker: Asker
): Promise<void> => {
  const holder = ownHolder(provider, asker)
  const isRevoked = await credentials.revoke(holder, credentialEvent(asker.audit, 'revoked', holder))
  if (!isRevoked) return
  publish(provider)
  revokeDropped(provider.tenant_id)
}

/** Whose credential it is to be. Throws `forbidden` where that is not for who asks to decide. */
export const ownHolder = (provider: Provider, asker: Pick<Asker, 'isAdministrator' | 'user_id'>): Holder => {
  if (provider.settings.auth_scope === 'tenant' && !asker.isAdministrator)
    throw new ReportedError(
      'forbidden',
      "Its credentials are the tenant's: only an owner or admin can authorize this provider."
    )
  if (provider.settings.auth_scope === 'user' && asker.user_id === null)
    throw new ReportedError('forbidden', 'Each user authorizes this provider for themselves; an API key is nobody.')
  return holderOf(provider, asker.user_id)
}
