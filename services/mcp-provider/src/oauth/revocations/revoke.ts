import type { Egress } from '@onbehalf/egress'
import type { SigningKey } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import type { RevocationRow } from '../../database.ts'
import { openAuthentication } from '../../providers/secrets.ts'
import { tokenPlace } from '../credential.ts'
import type { Authorizations } from '../describe.ts'
import type { FindKnownClient } from '../find-client.ts'
import { type Answered, askTokenEndpoint, toldBy } from '../token-endpoint.ts'
import type { RevocationStore } from './store.ts'

type Needs = {
  egress: Pick<Egress, 'request'>
  authorizations: Pick<Authorizations, 'serverOf'>
  findKnownClient: FindKnownClient
  findKey: (tenant_id: string) => Promise<SigningKey>
  vault: Pick<Vault, 'open'>
  store: Pick<RevocationStore, 'isFollowed'>
  now: () => number
}

/**
 * Tells the authorization server that what it gave is no longer wanted (RFC 7009), where it takes that. Resolves when there
 * is nothing more to do, with what the server refused it with if it did; throws what may pass.
 */
export type RevokeUpstream = (row: RevocationRow) => Promise<Error | undefined>

const timeoutMs = 5_000

export const createRevokeUpstream =
  (needs: Needs): RevokeUpstream =>
  async (row) => {
    const { tenant_id, issuer, token_endpoint } = row
    const server = await needs.authorizations.serverOf(issuer)
    const { revocation_endpoint: endpoint } = server
    if (!endpoint || server.token_endpoint !== token_endpoint) return undefined
    const client = await needs.findKnownClient(server, await wantedOf(needs, row))
    if (!client) return undefined
    const at = { issuer, findKey: () => needs.findKey(tenant_id), now: needs.now }
    const fields = await fieldsOf(needs, row)
    // What came since may end with it.
    if (await needs.store.isFollowed(row)) return undefined
    const answered = await askTokenEndpoint(needs.egress, { tokenEndpoint: endpoint, client, fields, timeoutMs }, at)
    if (answered.status === 200) return undefined
    if (isFinal(answered)) return toldBy(answered)
    throw toldBy(answered)
  }

/** Who is refused so is refused again: our secret is not shown for that. */
const isFinal = ({ status }: Answered): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429

const wantedOf = async ({ vault }: Pick<Needs, 'vault'>, row: RevocationRow) => {
  const { tenant_id, provider_id, client_id, grant_type, authorization_issuer: pinned } = row
  const authentication = await openAuthentication(vault, { ...row, id: provider_id })
  return { tenant_id, authentication, pinned, grant_type, client_id }
}

/** With the refresh token goes what it brought; where there is none the access token is all there is. */
const fieldsOf = async ({ vault }: Pick<Needs, 'vault'>, row: RevocationRow): Promise<Record<string, string>> => {
  const column = row.refresh_token ? 'refresh_token' : 'access_token'
  const sealed = row[column]
  if (!sealed) throw new Error('a credential without a token is not kept to be revoked')
  const token = await vault.open(sealed, tokenPlace({ ...row, id: row.credential_id }, column))
  return { token, token_type_hint: column }
}
