import type { AuditContext, AuditEvent } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { tokenRevocation } from 'openid-client'
import type { Announce } from '../announce.ts'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { Grant } from '../database.ts'
import { isBoundTo } from './bound.ts'
import { refreshTokenPlace } from './place.ts'
import type { GrantStore } from './store.ts'

type BoundGrant = Pick<Grant, 'tenant_id' | 'connection_id' | 'issuer' | 'token_endpoint' | 'client_id'>

/** Tells the IdP that a refresh token is no longer wanted (RFC 7009); what it answers changes nothing here. */
export const createRevocation =
  (connections: Pick<ConnectionStore, 'find'>, findClient: FindClient) =>
  async (grant: BoundGrant, refreshToken: string): Promise<boolean> => {
    const connection = await connections.find(grant.tenant_id, grant.connection_id)
    if (!connection) return false
    const client = await findClient(connection)
    if (!client.revocationEndpoint || !isBoundTo(grant, client)) return false
    await tokenRevocation(client.configuration, refreshToken, { token_type_hint: 'refresh_token' })
    return true
  }

type Needs = {
  grants: Pick<GrantStore, 'revoke'>
  vault: Vault
  revokeAtIdp: ReturnType<typeof createRevocation>
  announce: Announce
}

/** Ends a grant here first, everywhere, and then at the IdP; answers whether the IdP took part. */
export const createGrantEnd =
  ({ grants, vault, revokeAtIdp, announce }: Needs) =>
  async (
    { tenant_id, id }: Pick<Grant, 'tenant_id' | 'id'>,
    event: AuditEvent
  ): Promise<{ revoked_at_idp: boolean }> => {
    // A refresh may have stored another token since anybody looked: what counts is the one that was there in the end.
    const ended = await grants.revoke(tenant_id, id, event)
    await announce('grant', id)
    if (!ended?.refresh_token) return { revoked_at_idp: false }
    const opened = vault.open(ended.refresh_token, refreshTokenPlace(ended))
    const atIdp = opened.then((token) => revokeAtIdp(ended, token))
    return { revoked_at_idp: await atIdp.catch(() => false) }
  }

export const grantEvent = (by: AuditContext, verb: 'revoked' | 'tokens_emptied', id: string): AuditEvent => ({
  ...by,
  action: `grant.${verb}`,
  subject: { kind: 'grant', id }
})
