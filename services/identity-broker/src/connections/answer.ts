import { mask } from '@onbehalf/vault'
import type { Connection, Tenant } from '../database.ts'
import { sidesOf } from '../saml/addresses.ts'
import { callbackUrl } from '../sign-in/callback-url.ts'
import { noSuchConnection } from './problems.ts'
import { settingsOf } from './settings.ts'
import type { ConnectionAnswer } from './shapes.ts'
import type { ConnectionStore } from './store.ts'
import type { SuspicionStore } from './suspicions/store.ts'
import { toldOf } from './suspicions/tell.ts'

export type AnswerNeeds = {
  connections: Pick<ConnectionStore, 'secretOf'>
  suspicions: Pick<SuspicionStore, 'listOf'>
  users: { findTenant: (id: string) => Promise<Tenant | undefined> }
  publicUrl: string
}

/** Connections of one tenant as they are shown: the secret masked, with the addresses to register at the IdP. */
export const createAnswers =
  ({ connections, suspicions, users, publicUrl }: AnswerNeeds) =>
  async (tenant_id: string, stored: readonly Connection[]): Promise<ConnectionAnswer[]> => {
    const tenant = await users.findTenant(tenant_id)
    if (!tenant) throw noSuchConnection()
    const suspected = await suspicions.listOf(stored.map(({ id }) => id))
    return Promise.all(
      stored.map(async (one) => ({
        ...answerOf(publicUrl, tenant, one, await connections.secretOf(one)),
        suspected_quirks: suspected.filter(({ connection_id }) => connection_id === one.id).map(toldOf)
      }))
    )
  }

const answerOf = (publicUrl: string, tenant: Tenant, stored: Connection, secret: string | undefined) => ({
  ...settingsOf(stored, secret === undefined ? null : mask(secret)),
  id: stored.id,
  ...addressesOf(publicUrl, tenant, stored),
  jwks_url: stored.client_authentication === 'private_key_jwt' ? jwksUrl(publicUrl, tenant, stored) : null,
  revision: stored.revision,
  created_at: stored.created_at.toISOString(),
  updated_at: stored.updated_at.toISOString()
})

/** What is registered at its IdP; only one by OpenID Connect can tell, or be told, who signs out. */
const addressesOf = (publicUrl: string, tenant: Tenant, stored: Connection) => {
  const { entityId: metadata_url, acsUrl: callback_url } = sidesOf(publicUrl, tenant, stored)
  const silent = { back_channel_logout_url: null, post_logout_redirect_url: null }
  if (stored.kind === 'saml') return { callback_url, metadata_url, ...silent }
  const ours = { callback_url: callbackUrl(publicUrl, tenant, stored), metadata_url: null }
  if (stored.kind === 'oauth2') return { ...ours, ...silent }
  return {
    ...ours,
    back_channel_logout_url: `${publicUrl}/auth/back-channel-logout/${tenant.slug}/${stored.name}`,
    post_logout_redirect_url: `${publicUrl}/auth/signed-out`
  }
}

/** Where an IdP finds the public keys of our client at it. */
export const jwksUrl = (publicUrl: string, { slug }: Pick<Tenant, 'slug'>, { name }: Pick<Connection, 'name'>) =>
  `${publicUrl}/auth/connections/${slug}/${name}/jwks.json`
