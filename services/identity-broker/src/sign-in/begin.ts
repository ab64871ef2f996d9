import { ReportedError } from '@onbehalf/errors'
import { buildAuthorizationUrl, calculatePKCECodeChallenge } from 'openid-client'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { Connection, ResourceSupport, Tenant } from '../database.ts'
import type { UserStore } from '../users/store.ts'
import { callbackUrl } from './callback-url.ts'
import type { SignInStates } from './state.ts'

export type Audience = { audience: string; server_identifier: string; mode: string }

export type SignInNeeds = {
  users: Pick<UserStore, 'findTenant' | 'onlyTenant'>
  connections: Pick<ConnectionStore, 'find' | 'list'>
  findClient: FindClient
  states: SignInStates
  /** The audiences of the tenant's forwarding providers. */
  audiencesOf: (tenantId: string) => Promise<Audience[]>
  publicUrl: string
}

export type SignInRequest = { tenant?: string; connection?: string; provider?: string; return_to: string }

/** Where the browser goes to sign in, and the cookie that ties what comes back to it. */
export const beginSignIn = async (
  needs: SignInNeeds,
  { tenant: slug, connection: name, provider, return_to }: SignInRequest
) => {
  const tenant = slug ? await needs.users.findTenant(slug) : await needs.users.onlyTenant()
  const connection = tenant && (await chooseConnection(needs, tenant, name))
  if (!tenant || !connection) throw new ReportedError('not_found', 'There is no such place to sign in.')
  const resources = choose[connection.resource_support](await needs.audiencesOf(tenant.id), provider)
  const { configuration } = await needs.findClient(connection)
  const begun = await needs.states.begin({
    tenant_id: tenant.id,
    connection_id: connection.id,
    revision: connection.revision,
    resources,
    return_to
  })
  const parameters = new URLSearchParams({
    redirect_uri: callbackUrl(needs.publicUrl, tenant, connection),
    scope: connection.scopes,
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: await calculatePKCECodeChallenge(begun.codeVerifier),
    code_challenge_method: 'S256'
  })
  // OIDC Core §11: a refresh token for somebody who is away is given only after consent.
  if (connection.scopes.split(' ').includes('offline_access')) parameters.set('prompt', 'consent')
  for (const resource of resources) parameters.append('resource', resource)
  return { location: buildAuthorizationUrl(configuration, parameters).href, state: begun.state, binding: begun.binding }
}

const chooseConnection = async (
  { connections }: SignInNeeds,
  { id }: Tenant,
  name: string | undefined
): Promise<Connection | undefined> => {
  const all = await connections.list(id)
  return name ? all.find((one) => one.name === name) : all[0]
}

type Choose = (audiences: Audience[], provider: string | undefined) => string[]

/** RFC 8707: which resources one refresh token of this IdP can be authorised for. */
const choose: Readonly<Record<ResourceSupport, Choose>> = {
  many: (audiences) => [...new Set(audiences.map(({ audience }) => audience))].sort(),
  one: (audiences, provider) =>
    audiences.filter(({ server_identifier }) => server_identifier === provider).map(({ audience }) => audience),
  none: () => []
}
