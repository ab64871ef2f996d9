import { ReportedError } from '@onbehalf/errors'
import type { AppStore } from '../apps/app-store.ts'
import type { AllowAudience } from '../audiences/allow.ts'
import type { ConnectUrl } from '../connect/link.ts'
import type { FoundInstallation, InstallationStore } from '../installations/store.ts'
import type { FindWho } from '../links/find-who.ts'
import { nobodyLinked } from '../links/nobody-linked.ts'
import type { MintToken } from './mint.ts'
import { mintModeOf } from './modes/mode.ts'
import { withConnectUrl } from './with-connect-url.ts'

type Needs = {
  installations: Pick<InstallationStore, 'tenantOf'>
  allowAudience: AllowAudience
  mint: MintToken
  apps: Pick<AppStore, 'findCalled'>
  findWho: FindWho
  connectUrl: ConnectUrl
}

/**
 * What an installation asks for: tenant and user by our id or its own, server by its URL. Its own ids of users are those
 * of the app it names, where that is one of ours, or of the tenant's app that has the installation's name.
 */
export type InnerAsked = { tenant_id: string; user_id: string; audience: string; app_id?: string }

/** Mints for a user of one of the installation's tenants; what the tenant does not allow never reaches an IdP. */
export const createInnerIssue =
  ({ installations, allowAudience, mint, apps, findWho, connectUrl }: Needs) =>
  async (installation: FoundInstallation, asked: InnerAsked, { deadlineAt }: { deadlineAt: number }) => {
    const tenant_id = await installations.tenantOf(installation.id, asked.tenant_id)
    if (!tenant_id) throw notTheirs()
    const allowed = await allowAudience(tenant_id, asked.audience)
    const { audience, provider_id, server_identifier } = allowed
    const server = { audience, ...(server_identifier ? { server_identifier } : {}) }
    const app = await apps.findCalled(tenant_id, { id: asked.app_id ?? '', name: installation.name })
    const asker = app ? { app_id: app.id } : { installation_id: installation.id }
    const user = await findWho(tenant_id, app?.id, asked.user_id)
    if (!user) throw nobodyLinked(app, { tenant_id, server, ...asker, external_id: asked.user_id }, connectUrl)
    if (user.role === null && allowed.isForMembers) throw notForExternals()
    const { id: user_id } = user
    const { token, expires_at } = await mint({
      ...{ tenant_id, user_id, mode: mintModeOf(allowed), app_id: app?.id ?? installation.id },
      provider: { audience, scopes: [], ...(provider_id ? { provider_id } : {}) },
      actor: { kind: 'installation', id: installation.id },
      ...{ call: 'any', rejectedTokenHash: undefined, deadlineAt }
    }).catch((error: unknown) => {
      throw withConnectUrl(error, () => connectUrl({ tenant_id, user_id, server, ...asker }))
    })
    return { token, expires_at }
  }

const notTheirs = () =>
  new ReportedError('policy_denied', 'This installation does not speak for that tenant.', {
    details: [{ path: 'tenant_id', message: 'is not a tenant of this installation' }]
  })

const notForExternals = () =>
  new ReportedError(
    'policy_denied',
    'This server is for members, and this user is none. An administrator can mark its provider as external.',
    { details: [{ path: 'user_id', message: 'is no member' }] }
  )
