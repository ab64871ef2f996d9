import type { AuditContext } from '@onbehalf/service-kit'
import type { ServerMetadata } from '../authorization/server.ts'
import { changedMeanwhile } from '../providers/problems.ts'
import type { Provider } from '../providers/provider.ts'
import type { OauthClient } from './client.ts'
import type { Holder } from './credential.ts'
import type { OauthDesk } from './desk.ts'
import { credentialEvent } from './event.ts'
import { misfit } from './problems.ts'
import { askTokenEndpoint, tokensIn, toldBy } from './token-endpoint.ts'

type Asked = {
  provider: Provider
  holder: Holder
  by: AuditContext
  server: ServerMetadata
  client: OauthClient
  issuer: string
  client_id: string
  resource: string
  scope: string
}

/** RFC 6749 §4.4.2 with RFC 8707 */
export const credentialsForm = ({ resource, scope }: { resource: string; scope: string }): Record<string, string> => ({
  ...{ grant_type: 'client_credentials', resource },
  ...(scope ? { scope } : {})
})

/** Gets the tenant's credential with the client's own: nobody has to consent. */
export const authorizeByCredentials = async (
  { egress, credentials, findKey, publish, revokeDropped, now }: OauthDesk,
  { provider, holder, by, server, client, ...bound }: Asked
): Promise<void> => {
  if (holder.user_id !== null)
    throw misfit('The grant client_credentials gives no credential of a user: set auth_scope to "tenant".')
  const { issuer, token_endpoint } = server
  const at = { issuer, findKey: () => findKey(holder.tenant_id), now }
  const asked = { tokenEndpoint: token_endpoint, client, fields: credentialsForm(bound), timeoutMs: 10_000 }
  const answered = await askTokenEndpoint(egress, asked, at)
  const tokens = tokensIn(answered, now())
  if (!tokens) throw misfit('The authorization server gave no token for the client it was shown.', toldBy(answered))
  const grant_type = 'client_credentials' as const
  const scope = tokens.access.scope ?? bound.scope
  // §4.4.3: none should come, and none is needed.
  const given = { scope, asked_scope: bound.scope, refresh_token: null, access: tokens.access }
  const brought = { ...holder, ...bound, ...given, token_endpoint, grant_type }
  const event = credentialEvent(by, 'authorized', holder, { issuer, grant_type })
  if (!(await credentials.put(brought, { revision: provider.revision, event }))) throw changedMeanwhile()
  publish(provider)
  revokeDropped(holder.tenant_id)
}
