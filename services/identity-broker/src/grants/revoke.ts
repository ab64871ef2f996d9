import type { Vault } from '@onbehalf/vault'
import { tokenRevocation } from 'openid-client'
import type { Announce } from '../announce.ts'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { Grant } from '../database.ts'
import { isBoundTo } from './bound.ts'
import { refreshTokenPlace } from './place.ts'
import type { GrantStore } from './store.ts'

/** Tells the IdP that a refresh token is no longer wanted (RFC 7009); what it answers changes nothing here. */
export const createRevocation =
  (connections: Pick<ConnectionStore, 'find'>, findClient: FindClient) =>
  async (grant: Grant, refreshToken: string): Promise<boolean> => {
    const connection = await connections.find(grant.tenant_id, grant.connection_id)
    if (!connection) return false
    const client = await findClient(connection)
    if (!client.revocationEndpoint || !isBoundTo(grant, client)) return false
    await tokenRevocation(client.configuration, refreshToken, { token_type_hint: 'refresh_token' })
    return true
  }

type Needs = {
  grants: Pick<GrantStore, 'kill'>
  vault: Vault
  revokeAtIdp: ReturnType<typeof createRevocation>
  announce: Announce
}

/** Ends a grant here first, everywhere, and then at the IdP; answers whether the IdP took part. */
export const createGrantEnd =
  ({ grants, vault, revokeAtIdp, announce }: Needs) =>
  async (grant: Grant): Promise<{ revoked_at_idp: boolean }> => {
    const refreshToken = grant.refresh_token && (await vault.open(grant.refresh_token, refreshTokenPlace(grant)))
    await grants.kill(grant.tenant_id, grant.id, 'revoked')
    await announce('grant', grant.id)
    if (!refreshToken) return { revoked_at_idp: false }
    const isRevoked = await revokeAtIdp(grant, refreshToken).catch(() => false)
    return { revoked_at_idp: isRevoked }
  }
