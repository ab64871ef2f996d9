import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Static, TSchema } from '@sinclair/typebox'
import type { ProviderRow } from '../database.ts'
import { Authentication, Headers, type Provider, type Settings, type ShownProvider } from './provider.ts'
import type { OpenRow } from './store.ts'

type Owner = { id: string; tenant_id: string }

const placeOf = ({ id, tenant_id }: Owner, column: string) => ({ tenant_id, table: 'provider', column, row: id })

/** What a provider is found by whose URL is sealed. */
export const urlHashOf = ({ tenant_id }: Pick<Owner, 'tenant_id'>, server_url: string): string =>
  hashOf(`${tenant_id} ${server_url}`)

/** Settings as they are stored: URL, headers and client credentials sealed for this row alone. */
export const sealSettings = async (
  vault: Pick<Vault, 'seal'>,
  owner: Owner,
  { server_url, headers, authentication, resource, ...plain }: Settings
) => {
  const seal = (column: string, text: string) => vault.seal(text, placeOf(owner, column))
  const hasHeaders = Object.keys(headers).length > 0
  return {
    ...plain,
    server_url: await seal('server_url', server_url),
    server_url_hash: urlHashOf(owner, server_url),
    headers: hasHeaders ? await seal('headers', JSON.stringify(headers)) : null,
    authentication: authentication && (await seal('authentication', JSON.stringify(authentication))),
    resource: resource === null ? null : await seal('resource', resource)
  }
}

/** A stored provider with its secrets in clear. */
export const openProvider = async (vault: Pick<Vault, 'open'>, row: OpenRow): Promise<Provider> => {
  const open = (column: string, sealed: Buffer) => vault.open(sealed, placeOf(row, column))
  const { id, tenant_id, revision, reach_revision, created_at, updated_at } = row
  const { tools_status, tools_error } = row
  const { name, server_identifier, icon, icon_type, icon_background, timeout, sse_read_timeout } = row
  const { forward_user_identity, identity_mode, forward_id_token, auth_scope, tool_changes, external } = row
  const { keep_arguments } = row
  const { authorization_issuer } = row
  const settings: Settings = {
    ...{ name, server_identifier, icon, icon_type, icon_background, timeout, sse_read_timeout },
    ...{ forward_user_identity, identity_mode, forward_id_token, auth_scope, tool_changes, external },
    keep_arguments,
    server_url: await open('server_url', row.server_url),
    headers: row.headers ? parseAs(Headers, await open('headers', row.headers)) : {},
    authentication: await openAuthentication(vault, row),
    resource: row.resource && (await open('resource', row.resource))
  }
  const listed = { authorization_issuer, tools_status, tools_error }
  return { id, tenant_id, revision, reach_revision, settings, ...listed, created_at, updated_at }
}

/** The same as it is shown. */
export const openShown = async (vault: Pick<Vault, 'open'>, row: ProviderRow): Promise<ShownProvider> => ({
  ...(await openProvider(vault, row)),
  tools_left_out: row.tools_left_out
})

/** The provider's own client in clear. */
export const openAuthentication = async (
  vault: Pick<Vault, 'open'>,
  row: Owner & Pick<ProviderRow, 'authentication'>
): Promise<Authentication | null> =>
  row.authentication && parseAs(Authentication, await vault.open(row.authentication, placeOf(row, 'authentication')))

const parseAs = <Schema extends TSchema>(schema: Schema, text: string): Static<Schema> => {
  const value: unknown = JSON.parse(text)
  if (matches(schema, value)) return value
  throw new Error('a sealed value has another shape than the one it was stored with')
}
