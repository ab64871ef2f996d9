import { createHash } from 'node:crypto'
import type { AuditContext } from '@onbehalf/service-kit'
import { checkEndpoint } from '../authorization/server.ts'
import { audienceOf, type Provider } from '../providers/provider.ts'
import { chooseCallback } from './callbacks.ts'
import { authorizeByCredentials } from './client-credentials.ts'
import type { GrantType, Holder } from './credential.ts'
import type { Described } from './describe.ts'
import type { OauthDesk } from './desk.ts'
import { type LookedUp, lookUp } from './look-up.ts'
import { misfit } from './problems.ts'
import { scopesFor } from './scopes.ts'

type Asked = {
  provider: Provider
  holder: Holder
  by: AuditContext & { actor: { id: string } }
  /** Whether the reference's console asks. */
  isOfConsole?: boolean | undefined
  grantType?: GrantType | undefined
}

/** `location` is where the browser goes, `binding` what it keeps until it comes back to `redirect_uri`. */
export type Begun =
  | { status: 'authorized'; location?: undefined }
  | { status: 'authorization_required'; location: string; redirect_uri: string; state: string; binding: string }

/**
 * Begins an authorization at the server's own authorization server, or ends it at once where no person is needed: the
 * server asks for nothing, or the client has credentials of its own. Throws `upstream_error` where the server, or what
 * it names, does not do what the standards ask.
 */
export const beginAuthorization = async (desk: OauthDesk, asked: Asked): Promise<Begun> => {
  const { provider, holder, isOfConsole = false } = asked
  const found = await lookUp(desk, provider, holder)
  if (!found) return { status: 'authorized' }
  const { server, resource } = found.described
  const grant_type = grantFor(found.described, asked.grantType)
  const { authorization_issuer: pinned, reach_revision } = provider
  const { authentication } = provider.settings
  const client = await desk.findClient(server, { tenant_id: holder.tenant_id, authentication, pinned, grant_type })
  const { client_id } = client
  const bound = { issuer: server.issuer, client_id, resource: resource.resource, scope: scopeOf(found, grant_type) }
  if (grant_type === 'client_credentials') {
    await authorizeByCredentials(desk, { provider, holder, by: asked.by, server, client, ...bound })
    return { status: 'authorized' }
  }
  const endpoint = await authorizationEndpoint(desk, found.described)
  const redirect_uri = chooseCallback(desk.callbacks, {
    ...{ server, isOfDocument: client_id === desk.document.client_id },
    isOfConsole: isOfConsole && authentication !== null
  })
  const begun = await desk.states.begin({
    ...{ ...holder, ...bound, reach_revision, redirect_uri },
    ...{ actor_id: asked.by.actor.id, audience: audienceOf(provider.settings) }
  })
  const location = locationOf(endpoint, { ...bound, ...begun, redirect_uri })
  return { status: 'authorization_required', location, redirect_uri, state: begun.state, binding: begun.binding }
}

const scopeOf = ({ described, stored }: LookedUp, grant_type: GrantType): string =>
  scopesFor({
    ...{ challenge: described.challengeScope, resource: described.resource.scopes_supported },
    server: grant_type === 'client_credentials' ? undefined : described.server.scopes_supported,
    earlier:
      stored?.issuer === described.server.issuer
        ? (stored.wanted_scope ?? stored.withheld_scope ?? undefined)
        : undefined
  })

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
