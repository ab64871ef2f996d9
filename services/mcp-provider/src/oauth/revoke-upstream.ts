import type { Egress } from '@onbehalf/egress'
import type { SigningKey } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import type { CredentialRow } from '../database.ts'
import type { Provider } from '../providers/provider.ts'
import { tokenPlace } from './credential.ts'
import type { Authorizations } from './describe.ts'
import type { FindKnownClient } from './find-client.ts'
import { askTokenEndpoint, toldBy } from './token-endpoint.ts'

type Needs = {
  egress: Pick<Egress, 'request'>
  authorizations: Pick<Authorizations, 'serverOf'>
  findKnownClient: FindKnownClient
  findKey: (tenant_id: string) => Promise<SigningKey>
  vault: Pick<Vault, 'open'>
  now: () => number
  /** Hears of what went wrong. */
  report: (error: unknown) => void
}

/**
 * Tells authorization servers that what they gave for a provider is no longer wanted (RFC 7009), behind the answer: what
 * comes of it changes nothing here. `provider` is as it was when it was given.
 */
export type RevokeUpstream = (provider: Provider, dropped: readonly CredentialRow[]) => void

const timeoutMs = 5_000

/** Credentials of one provider go one after another; `settle` waits for the one under way and leaves out the rest. */
export const createRevokeUpstream = (needs: Needs): { revokeUpstream: RevokeUpstream; settle: () => Promise<void> } => {
  const running = new Set<Promise<void>>()
  let isClosing = false
  const revokeAll = async (provider: Provider, dropped: readonly CredentialRow[]): Promise<void> => {
    for (const row of dropped) if (!isClosing) await revokeOne(needs, provider, row).catch(needs.report)
  }
  return {
    revokeUpstream: (provider, dropped) => {
      const work = revokeAll(provider, dropped).finally(() => running.delete(work))
      running.add(work)
    },
    settle: async () => {
      isClosing = true
      await Promise.all(running)
    }
  }
}

const revokeOne = async (needs: Needs, { settings, authorization_issuer: pinned }: Provider, row: CredentialRow) => {
  const { tenant_id, issuer, token_endpoint, client_id, grant_type } = row
  // With the refresh token goes what it brought; where there is none the access token is all there is.
  const column = row.refresh_token ? 'refresh_token' : 'access_token'
  const sealed = row[column]
  if (!sealed) return
  const server = await needs.authorizations.serverOf(issuer)
  const { revocation_endpoint: endpoint } = server
  if (!endpoint || server.token_endpoint !== token_endpoint) return
  const wanted = { tenant_id, authentication: settings.authentication, pinned, grant_type, client_id }
  const client = await needs.findKnownClient(server, wanted)
  if (!client) return
  const token = await needs.vault.open(sealed, tokenPlace(row, column))
  const at = { issuer, findKey: () => needs.findKey(tenant_id), now: needs.now }
  const fields = { token, token_type_hint: column }
  const answered = await askTokenEndpoint(needs.egress, { tokenEndpoint: endpoint, client, fields, timeoutMs }, at)
  if (answered.status !== 200) throw toldBy(answered)
}
