import type { ServerMetadata } from '../authorization/server.ts'
import type { Provider } from '../providers/provider.ts'
import { credentialEvent } from './event.ts'
import { failed } from './failed.ts'
import type { OauthDesk } from './needs.ts'
import type { AuthorizationState } from './state.ts'
import { askTokenEndpoint, errorIn, tokensIn, toldBy } from './token-endpoint.ts'

type Came = {
  query: URLSearchParams
  /** What the browser kept. */
  binding: string | undefined
  redirectUri: string
  request: { request_id: string; ip: string }
}

type Needs = OauthDesk & { findProvider: (tenant_id: string, id: string) => Promise<Provider> }

/**
 * Ends an authorization with what the browser brought back; works once, and in the browser that began alone. Throws
 * `sign_in_failed` in the words of the page.
 */
export const completeAuthorization = async (desk: Needs, came: Came): Promise<Provider> => {
  const { remembered, codeVerifier } = await takeBegun(desk, came)
  const provider = await desk.findProvider(remembered.tenant_id, remembered.provider_id)
  if (provider.reach_revision !== remembered.reach_revision || came.redirectUri !== remembered.redirect_uri)
    throw failed('The provider was changed meanwhile.')
  const server = await desk.authorizations.serverOf(remembered.issuer)
  checkIssuer(server, came.query)
  const code = codeIn(came.query)
  const brought = await redeem(desk, { provider, server, remembered, code, codeVerifier })
  const { tenant_id, provider_id, user_id, issuer } = remembered
  const by = { tenant_id, actor: { kind: 'user' as const, id: remembered.actor_id }, ...came.request }
  const grant_type = 'authorization_code'
  await desk.credentials.put(
    brought,
    credentialEvent(by, 'authorized', { provider_id, user_id }, { issuer, grant_type })
  )
  desk.publish(provider)
  return provider
}

const takeBegun = async ({ states }: Pick<OauthDesk, 'states'>, { query, binding }: Came) => {
  const state = query.get('state')
  const taken = state && binding ? await states.take(state, binding) : undefined
  if (taken) return taken
  throw failed('This authorization has ended, was used already, or began in another browser.')
}

/** RFC 9207 §2.4, before anything else is believed: the answer may be of another server than the one that was asked. */
const checkIssuer = (
  { issuer, authorization_response_iss_parameter_supported: isPromised = false }: ServerMetadata,
  query: URLSearchParams
): void => {
  const given = query.getAll('iss')
  const isMissing = given.length === 0 && isPromised
  if (isMissing || given.some((one) => one !== issuer))
    throw failed('The answer did not come from the authorization server that was asked.')
}

const codeIn = (query: URLSearchParams): string => {
  const error = query.get('error')
  if (error) throw failed(`The authorization server said: ${wordsOf(query.get('error_description') ?? error)}.`)
  const codes = query.getAll('code')
  const [code] = codes
  if (code && codes.length === 1) return code
  throw failed('The authorization server sent no code.')
}

/** Somebody else's text, as it may stand on a page: nothing that is not seen, and not much of it. */
const wordsOf = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, 200)
    .replace(/[.\s]+$/, '')

type Redeemed = {
  provider: Provider
  server: ServerMetadata
  remembered: AuthorizationState
  code: string
  codeVerifier: string
}

/** RFC 6749 §4.1.3 with RFC 7636 and RFC 8707. */
const redeem = async (desk: Needs, { provider, server, remembered, code, codeVerifier }: Redeemed) => {
  const { tenant_id, provider_id, user_id, issuer, client_id, resource, redirect_uri } = remembered
  const { token_endpoint } = server
  const { settings, authorization_issuer: pinned } = provider
  const grant_type = 'authorization_code' as const
  const wanted = { tenant_id, authentication: settings.authentication, pinned, grant_type }
  const client = await desk.findClient(server, wanted)
  if (client.client_id !== client_id) throw failed('Our client there was changed meanwhile.')
  const fields = { grant_type, code, redirect_uri, code_verifier: codeVerifier, resource }
  const at = { issuer, findKey: () => desk.findKey(tenant_id), now: desk.now }
  const asked = { tokenEndpoint: token_endpoint, client, fields, timeoutMs: 10_000 }
  const answered = await askTokenEndpoint(desk.egress, asked, at)
  const tokens = tokensIn(answered, desk.now())
  // It forgot our registration: the next authorization makes another one.
  if (errorIn(answered) === 'invalid_client' && !settings.authentication)
    await desk.clients.forget({ tenant_id, issuer })
  if (!tokens) throw failed('The authorization server gave no token.', toldBy(answered))
  const { access, refresh_token = null } = tokens
  const scope = access.scope ?? remembered.scope
  const bound = { tenant_id, provider_id, user_id, issuer, token_endpoint, client_id, grant_type, resource, scope }
  return { ...bound, refresh_token, access: refresh_token === null ? untilItsEnd(access) : access }
}

/** What cannot be renewed is used until it ends. */
const untilItsEnd = <Access extends { expires_at: number | null }>(access: Access) => ({
  ...access,
  renew_at: access.expires_at
})
