import { ReportedError } from '@onbehalf/errors'
import type { AllowAudience } from '../audiences/allow.ts'
import type { ConnectUrl } from '../connect/link.ts'
import type { FoundInstallation, InstallationStore } from '../installations/store.ts'
import type { UserStore } from '../users/store.ts'
import type { MintToken } from './mint.ts'
import { withConnectUrl } from './with-connect-url.ts'

type Needs = {
  installations: Pick<InstallationStore, 'tenantOf'>
  allowAudience: AllowAudience
  mint: MintToken
  users: Pick<UserStore, 'find'>
  connectUrl: ConnectUrl
}

/** What an installation asks for: tenant by our id or its own, user by ours, server by its URL. */
export type InnerAsked = { tenant_id: string; user_id: string; audience: string }

/** Mints for a user of one of the installation's tenants; what the tenant does not allow never reaches an IdP. */
export const createInnerIssue =
  ({ installations, allowAudience, mint, users, connectUrl }: Needs) =>
  async (installation: FoundInstallation, asked: InnerAsked, { deadlineAt }: { deadlineAt: number }) => {
    const tenant_id = await installations.tenantOf(installation.id, asked.tenant_id)
    if (!tenant_id) throw notTheirs()
    const { audience, mode, server_identifier } = await allowAudience(tenant_id, asked.audience)
    const server = { audience, ...(server_identifier ? { server_identifier } : {}) }
    const { user_id } = asked
    const user = isUuid(user_id) && (await users.find(tenant_id, user_id))
    if (!user)
      throw new ReportedError('no_refresh_token', 'Nobody signed in as this user yet.', {
        connect_url: connectUrl({ tenant_id, server })
      })
    const { token, expires_at } = await mint({
      ...{ tenant_id, user_id, mode, app_id: null, provider: { audience, scopes: [] } },
      actor: { kind: 'installation', id: installation.id },
      ...{ call: 'any', rejectedTokenHash: undefined, deadlineAt }
    }).catch((error: unknown) => {
      throw withConnectUrl(error, () => connectUrl({ tenant_id, user_id, server }))
    })
    return { token, expires_at }
  }

const notTheirs = () =>
  new ReportedError('policy_denied', 'This installation does not speak for that tenant.', {
    details: [{ path: 'tenant_id', message: 'is not a tenant of this installation' }]
  })

const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
