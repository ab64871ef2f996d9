import { ReportedError } from '@onbehalf/errors'
import type { AllowAudience } from '../audiences/allow.ts'
import type { FoundInstallation, InstallationStore } from '../installations/store.ts'
import type { UserStore } from '../users/store.ts'
import { connectUrl } from './connect-url.ts'
import { type Modes, mintOf } from './modes/mode.ts'

type Needs = {
  installations: Pick<InstallationStore, 'tenantOf'>
  users: Pick<UserStore, 'find'>
  allowAudience: AllowAudience
  modes: Modes
  publicUrl: string
}

/** What an installation asks for: tenant by our id or its own, user by ours, server by its URL. */
export type InnerAsked = { tenant_id: string; user_id: string; audience: string }

/** Mints for a user of one of the installation's tenants; what the tenant does not allow never reaches an IdP. */
export const createInnerIssue =
  ({ installations, users, allowAudience, modes, publicUrl }: Needs) =>
  async (installation: FoundInstallation, asked: InnerAsked, { deadlineAt }: { deadlineAt: number }) => {
    const tenant_id = await installations.tenantOf(installation.id, asked.tenant_id)
    if (!tenant_id) throw notTheirs()
    const { audience, mode, server_identifier } = await allowAudience(tenant_id, asked.audience)
    const url = connectUrl(publicUrl, tenant_id, { server_identifier, audience })
    const mint = mintOf(modes, mode)
    const user = isUuid(asked.user_id) ? await users.find(tenant_id, asked.user_id) : undefined
    if (!user) throw new ReportedError('no_refresh_token', 'Nobody signed in as this user yet.', { connect_url: url })
    const provider = { audience, scopes: [] }
    const { token, expires_at } = await mint({
      ...{ user, app_id: null, provider, call: undefined, rejectedTokenHash: undefined },
      ...{ connectUrl: url, deadlineAt }
    })
    return { token, expires_at }
  }

const notTheirs = () =>
  new ReportedError('policy_denied', 'This installation does not speak for that tenant.', {
    details: [{ path: 'tenant_id', message: 'is not a tenant of this installation' }]
  })

const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
