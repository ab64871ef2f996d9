import { ReportedError } from '@onbehalf/errors'
import type { AllowAudience } from '../audiences/allow.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { ResourceSupport } from '../connections/vocabulary.ts'
import type { Connection, Tenant } from '../database.ts'
import { findInvitation } from '../invitations/find.ts'
import type { InvitationStore } from '../invitations/store.ts'
import { type AskBySamlNeeds, askBySaml } from '../saml/ask.ts'
import type { UserStore } from '../users/store.ts'
import { type AskByOauthNeeds, askByOauth } from './authorization-url.ts'
import { requireProvable } from './fresh.ts'
import type { DeviceFlow, SignInState, SignInStates } from './state.ts'

export type Audience = {
  audience: string
  server_identifier: string
  name: string
  mode: string
  provider_id?: string
  forward_id_token?: boolean
}

export type SignInNeeds = AskByOauthNeeds &
  AskBySamlNeeds & {
    users: Pick<UserStore, 'find' | 'findTenant' | 'onlyTenant'>
    invitations: Pick<InvitationStore, 'findByToken'>
    connections: Pick<ConnectionStore, 'find' | 'findByName' | 'findOldest'>
    states: SignInStates
    /** The audiences of the tenant's forwarding providers. */
    audiencesOf: (tenantId: string) => Promise<Audience[]>
    allowAudience: AllowAudience
  }

export type SignInRequest = {
  tenant?: string
  connection?: string
  /** The server that is to be called, by its identifier, or by its audience where it is not registered. */
  provider?: string
  audience?: string
  /** The token of an invitation to accept. */
  invitation?: string
  /** Who has to come back; somebody else leaves nothing and goes elsewhere. */
  expected?: NonNullable<SignInState['expected']>
  /** Whether the IdP is to ask who it is, instead of taking who is signed in there. */
  is_switch?: boolean
  /** How many seconds ago they may have signed in at the IdP: it has to prove that. */
  max_age?: number
  /** Who is signed in already: their connection is meant unless another is named. */
  visitor?: { user_id: string }
  /** For whose device somebody is to be identified: then nothing is left to act with. */
  device_sso?: DeviceFlow
  return_to: string
}

/** Where the browser goes to sign in, and the cookie that ties what comes back to it. */
export const beginSignIn = async (
  needs: SignInNeeds,
  {
    tenant: slug,
    connection: name,
    return_to,
    invitation: token,
    expected,
    is_switch,
    max_age,
    visitor,
    device_sso,
    ...server
  }: SignInRequest
) => {
  const user_id = expected?.user_id ?? (name ? undefined : visitor?.user_id)
  const tenant = slug ? await needs.users.findTenant(slug) : await needs.users.onlyTenant()
  const connection = tenant && (await chooseConnection(needs, tenant, { name, user_id }))
  if (!tenant || !connection) throw noSuchPlace()
  requireProvable(max_age, connection)
  const invitation = token ? await findInvitation(needs.invitations, token, new Date()) : undefined
  if (invitation && invitation.tenant_id !== tenant.id) throw noSuchPlace()
  const resources = device_sso ? [] : await resourcesFor(needs, connection, server)
  const asked = {
    tenant,
    connection,
    resources,
    isSwitch: is_switch ?? false,
    max_age,
    isIdentityOnly: device_sso !== undefined
  }
  const locate = await (connection.kind === 'saml' ? askBySaml : askByOauth)(needs, asked)
  const { state, binding, ...proofs } = await needs.states.begin({
    tenant_id: tenant.id,
    connection_id: connection.id,
    revision: connection.revision,
    resources,
    return_to,
    ...(max_age === undefined ? {} : { max_age }),
    ...(invitation ? { invitation_id: invitation.id } : {}),
    ...(expected ? { expected } : {}),
    ...(device_sso ? { device_sso } : {})
  })
  return { location: await locate({ state, ...proofs }), state, binding }
}

const noSuchPlace = () => new ReportedError('not_found', 'There is no such place to sign in.')

const chooseConnection = async (
  { connections, users }: SignInNeeds,
  { id }: Tenant,
  { name, user_id }: { name: string | undefined; user_id: string | undefined }
): Promise<Connection | undefined> => {
  const user = user_id ? await users.find(id, user_id) : undefined
  if (user) return connections.find(id, user.connection_id)
  return name ? connections.findByName(id, name) : connections.findOldest(id)
}

/** Only `idp_token` asks the IdP for the audience itself, and not where it forwards the ID token in its place. */
export const needsResource = ({ mode, forward_id_token }: Pick<Audience, 'mode' | 'forward_id_token'>): boolean =>
  mode === 'idp_token' && !forward_id_token

/** What the refresh token is to be good for. */
const resourcesFor = async (
  { audiencesOf, allowAudience }: SignInNeeds,
  { tenant_id, resource_support }: Connection,
  { provider, audience }: Pick<SignInRequest, 'provider' | 'audience'>
): Promise<string[]> => {
  const registered = (await audiencesOf(tenant_id)).filter(needsResource)
  const named = registered.find(({ server_identifier }) => server_identifier === provider)?.audience
  // What the tenant does not allow is left out: a link to us must not make the IdP issue for anything.
  const allowed = audience ? await allowAudience(tenant_id, audience).catch(unlessAllowed) : undefined
  const wanted = allowed && needsResource(allowed) ? allowed.audience : named
  return choose[resource_support](
    registered.map((one) => one.audience),
    wanted
  )
}

const unlessAllowed = (error: unknown): undefined => {
  if (!(error instanceof ReportedError) || error.code !== 'audience_not_allowed') throw error
}

/**
 * What is remembered of a sign-in waits in Redis, and all resources are in its address. Where they are more, one refresh
 * token is for as many as fit, beside the one that is wanted.
 */
const [resourcesMax, charactersMax] = [64, 8 * 1024]

const fitting = (registered: string[], wanted: string | undefined): string[] => {
  const fitted: string[] = []
  let characters = 0
  for (const one of new Set([...(wanted ? [wanted] : []), ...registered.toSorted()])) {
    characters += one.length
    if (fitted.length === resourcesMax || characters > charactersMax) break
    fitted.push(one)
  }
  return fitted.sort()
}

type Choose = (registered: string[], wanted: string | undefined) => string[]

/** RFC 8707: which resources one refresh token of this IdP can be authorised for. */
const choose: Readonly<Record<ResourceSupport, Choose>> = {
  many: fitting,
  one: (_registered, wanted) => (wanted ? [wanted] : []),
  none: () => []
}
