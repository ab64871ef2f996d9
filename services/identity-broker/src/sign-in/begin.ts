import { ReportedError } from '@onbehalf/errors'
import { buildAuthorizationUrl, calculatePKCECodeChallenge } from 'openid-client'
import type { AllowAudience } from '../audiences/allow.ts'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { ResourceSupport } from '../connections/vocabulary.ts'
import type { Connection, Tenant } from '../database.ts'
import { findInvitation } from '../invitations/find.ts'
import type { InvitationStore } from '../invitations/store.ts'
import type { UserStore } from '../users/store.ts'
import { callbackUrl } from './callback-url.ts'
import type { SignInStates } from './state.ts'

export type Audience = { audience: string; server_identifier: string; mode: string }

export type SignInNeeds = {
  users: Pick<UserStore, 'findTenant' | 'onlyTenant'>
  invitations: Pick<InvitationStore, 'findByToken'>
  connections: Pick<ConnectionStore, 'find' | 'list'>
  findClient: FindClient
  states: SignInStates
  /** The audiences of the tenant's forwarding providers. */
  audiencesOf: (tenantId: string) => Promise<Audience[]>
  allowAudience: AllowAudience
  publicUrl: string
}

export type SignInRequest = {
  tenant?: string
  connection?: string
  /** The server that is to be called, by its identifier, or by its audience where it is not registered. */
  provider?: string
  audience?: string
  /** The token of an invitation to accept. */
  invitation?: string
  return_to: string
}

/** Where the browser goes to sign in, and the cookie that ties what comes back to it. */
export const beginSignIn = async (
  needs: SignInNeeds,
  { tenant: slug, connection: name, return_to, invitation: token, ...server }: SignInRequest
) => {
  const tenant = slug ? await needs.users.findTenant(slug) : await needs.users.onlyTenant()
  const connection = tenant && (await chooseConnection(needs, tenant, name))
  if (!tenant || !connection) throw noSuchPlace()
  const invitation = token ? await findInvitation(needs.invitations, token, new Date()) : undefined
  if (invitation && invitation.tenant_id !== tenant.id) throw noSuchPlace()
  const resources = await resourcesFor(needs, connection, server)
  const { configuration } = await needs.findClient(connection)
  const begun = await needs.states.begin({
    tenant_id: tenant.id,
    connection_id: connection.id,
    revision: connection.revision,
    resources,
    return_to,
    ...(invitation ? { invitation_id: invitation.id } : {})
  })
  const parameters = new URLSearchParams({
    redirect_uri: callbackUrl(needs.publicUrl, tenant, connection),
    scope: connection.scopes,
    state: begun.state,
    code_challenge: await calculatePKCECodeChallenge(begun.codeVerifier),
    code_challenge_method: 'S256'
  })
  if (usesNonce(connection)) parameters.set('nonce', begun.nonce)
  // OIDC Core §11: a refresh token for somebody who is away is given only after consent.
  if (connection.scopes.split(' ').includes('offline_access')) parameters.set('prompt', 'consent')
  for (const resource of resources) parameters.append('resource', resource)
  return { location: buildAuthorizationUrl(configuration, parameters).href, state: begun.state, binding: begun.binding }
}

const noSuchPlace = () => new ReportedError('not_found', 'There is no such place to sign in.')

/** OIDC Core §3.1.2.1: a nonce ties an ID token to the browser, where there is one that repeats it. */
export const usesNonce = ({ kind, quirks }: Connection): boolean => kind === 'oidc' && !quirks.includes('no_nonce')

const chooseConnection = async (
  { connections }: SignInNeeds,
  { id }: Tenant,
  name: string | undefined
): Promise<Connection | undefined> => {
  const all = await connections.list(id)
  return name ? all.find((one) => one.name === name) : all[0]
}

/** What the refresh token is to be good for; only `idp_token` asks the IdP for the audience itself. */
const resourcesFor = async (
  { audiencesOf, allowAudience }: SignInNeeds,
  { tenant_id, resource_support }: Connection,
  { provider, audience }: Pick<SignInRequest, 'provider' | 'audience'>
): Promise<string[]> => {
  const registered = (await audiencesOf(tenant_id)).filter(({ mode }) => mode === 'idp_token')
  const named = registered.find(({ server_identifier }) => server_identifier === provider)?.audience
  // What the tenant does not allow is left out: a link to us must not make the IdP issue for anything.
  const allowed = audience ? await allowAudience(tenant_id, audience).catch(unlessAllowed) : undefined
  const wanted = allowed?.mode === 'idp_token' ? allowed.audience : named
  return choose[resource_support](
    registered.map((one) => one.audience),
    wanted
  )
}

const unlessAllowed = (error: unknown): undefined => {
  if (!(error instanceof ReportedError) || error.code !== 'audience_not_allowed') throw error
}

type Choose = (registered: string[], wanted: string | undefined) => string[]

/** RFC 8707: which resources one refresh token of this IdP can be authorised for. */
const choose: Readonly<Record<ResourceSupport, Choose>> = {
  many: (registered, wanted) => [...new Set(wanted ? [...registered, wanted] : registered)].sort(),
  one: (_registered, wanted) => (wanted ? [wanted] : []),
  none: () => []
}
