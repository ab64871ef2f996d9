import { createHash } from 'node:crypto'
import { UpstreamUnauthorized } from '@onbehalf/mcp'
import type { AuditContext } from '@onbehalf/service-kit'
import { checkEndpoint } from '../authorization/server.ts'
import type { Provider } from '../providers/provider.ts'
import { targetOf } from '../tools/target.ts'
import { authorizeByCredentials } from './client-credentials.ts'
import type { GrantType, Holder } from './credential.ts'
import type { Described } from './describe.ts'
import { misfit } from './document.ts'
import type { OauthDesk } from './needs.ts'
import { scopesFor } from './scopes.ts'

type Asked = {
  provider: Provider
  holder: Holder
  by: AuditContext & { actor: { id: string } }
  redirectUri: string
  grantType?: GrantType | undefined
}

/** `location` is where the browser goes, `binding` what it keeps until it comes back. */
export type Begun =
  | { status: 'authorized'; location?: undefined }
  | { status: 'authorization_required'; location: string; state: string; binding: string }

/**
 * Begins an authorization at the server's own authorization server, or ends it at once where no person is needed: the
 * server asks for nothing, or the client has credentials of its own. Throws `upstream_error` where the server, or what
 * it names, does not do what the standards ask.
 */
export const beginAuthorization = async (desk: OauthDesk, asked: Asked): Promise<Begun> => {
  const { provider, holder } = asked
  const stored = await desk.credentials.find(holder)
  const isHeld = stored !== undefined && stored.dead_reason === null
  const challenge = await challengeOf(desk, provider)
  if (challenge === undefined && !isHeld) return { status: 'authorized' }
  const { authentication } = provider.settings
  const known = [authentication?.issuer, provider.authorization_issuer].filter((one) => typeof one === 'string')
  const described = await desk.authorizations.describe(provider.settings, { challenge, known })
  const grant_type = grantFor(described, asked.grantType)
  const earlier = stored?.issuer === described.server.issuer ? (stored.wanted_scope ?? undefined) : undefined
  const scope = scopesFor({
    ...{ challenge: described.challengeScope, resource: described.resource.scopes_supported },
    ...{ server: grant_type === 'client_credentials' ? undefined : described.server.scopes_supported, earlier }
  })
  const { server } = described
  const pinned = provider.authorization_issuer
  const client = await desk.findClient(server, { tenant_id: holder.tenant_id, authentication, pinned, grant_type })
  const bound = { issuer: server.issuer, client_id: client.client_id, resource: described.resource.resource, scope }
  if (grant_type === 'client_credentials') {
    await authorizeByCredentials(desk, { holder, by: asked.by, server, client, ...bound })
    return { status: 'authorized' }
  }
  const endpoint = await authorizationEndpoint(desk, described)
  const { reach_revision } = provider
  const { redirectUri: redirect_uri } = asked
  const begun = await desk.states.begin({
    ...holder,
    ...bound,
    actor_id: asked.by.actor.id,
    reach_revision,
    redirect_uri
  })
  const location = locationOf(endpoint, { ...bound, ...begun, redirect_uri })
  return { status: 'authorization_required', location, state: begun.state, binding: begun.binding }
}

/** What the server says to who shows no credential of OAuth; undefined where it wants none. */
const challengeOf = async ({ mcp }: Pick<OauthDesk, 'mcp'>, { settings }: Provider): Promise<string | undefined> => {
  try {
    await mcp.list(targetOf(settings, settings.headers), {
      carriesCredential: Object.keys(settings.headers).length > 0
    })
    return undefined
  } catch (error) {
    if (error instanceof UpstreamUnauthorized) return error.wwwAuthenticate ?? ''
    throw error
  }
}

/** RFC 8414 §2: authorization_code, where it does not say. */
const grantFor = ({ server }: Described, asked: GrantType | undefined): GrantType => {
  const supported = server.grant_types_supported ?? ['authorization_code']
  const grants = asked ? [asked] : (['authorization_code', 'client_credentials'] as const)
  const found = grants.find((grant) => supported.includes(grant))
  if (found) return found
  throw misfit(`The authorization server does not take the grant ${grants.join(' or ')}.`)
}

const authorizationEndpoint = async (desk: Pick<OauthDesk, 'egress'>, { server }: Described): Promise<string> => {
  const { authorization_endpoint: endpoint, code_challenge_methods_supported: methods = [] } = server
  if (!endpoint) throw misfit('The authorization server has no authorization_endpoint.')
  if (!methods.includes('S256'))
    throw misfit(
      'The authorization server does not say that it takes PKCE with S256, without which a code is not safe.'
    )
  await checkEndpoint(desk.egress, 'authorization_endpoint', endpoint)
  return endpoint
}

type Request = Record<'client_id' | 'redirect_uri' | 'scope' | 'resource' | 'state' | 'codeVerifier', string>

/** RFC 6749 §4.1.1 with RFC 7636 and RFC 8707; a query that the endpoint has stays (§3.1). */
const locationOf = (endpoint: string, { codeVerifier, scope, ...rest }: Request): string => {
  const url = new URL(endpoint)
  const { client_id, redirect_uri, resource, state } = rest
  const parameters = {
    ...{ response_type: 'code', client_id, redirect_uri, state, resource },
    ...(scope ? { scope } : {}),
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    // OIDC Core §11: a refresh token for somebody who is away is given only after consent.
    ...(scope.split(' ').includes('offline_access') ? { prompt: 'consent' } : {})
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}
