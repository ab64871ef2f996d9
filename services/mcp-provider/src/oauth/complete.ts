import { isAdministrator } from '@onbehalf/service-kit'
import type { ServerMetadata } from '../authorization/server.ts'
import { audienceOf, type Provider } from '../providers/provider.ts'
import type { OauthDesk } from './desk.ts'
import { credentialEvent } from './event.ts'
import type { FindStanding } from './find-standing.ts'
import { failed, notTheirs } from './problems.ts'
import { redeem } from './redeem.ts'
import type { AuthorizationState } from './state.ts'

type Came = {
  query: URLSearchParams
  /** What the browser kept. */
  binding: string | undefined
  redirectUri: string
  request: { request_id: string; ip: string }
}

type Needs = OauthDesk & {
  findProvider: (tenant_id: string, id: string) => Promise<Provider>
  findStanding: FindStanding
}

/**
 * Ends an authorization with what the browser brought back; works once, and in the browser that began alone. Throws
 * `sign_in_failed` in the words of the page.
 */
export const completeAuthorization = async (desk: Needs, came: Came): Promise<Provider> => {
  const { remembered, codeVerifier } = await takeBegun(desk, came)
  const provider = await desk.findProvider(remembered.tenant_id, remembered.provider_id)
  checkUnchanged(provider, remembered)
  const server = await desk.authorizations.serverOf(remembered.issuer)
  checkAnswerer(desk, server, remembered, came)
  const code = codeIn(came.query)
  await checkActor(desk, provider.settings, remembered)
  const brought = await redeem(desk, { provider, server, remembered, code, codeVerifier })
  const { tenant_id, provider_id, user_id, issuer } = remembered
  const by = { tenant_id, actor: { kind: 'user' as const, id: remembered.actor_id }, ...came.request }
  const grant_type = 'authorization_code'
  const event = credentialEvent(by, 'authorized', { provider_id, user_id }, { issuer, grant_type })
  if (!(await desk.credentials.put(brought, { revision: provider.revision, event }))) throw changed()
  desk.publish(provider)
  desk.revokeDropped(tenant_id)
  return provider
}

const takeBegun = async ({ states }: Pick<OauthDesk, 'states'>, { query, binding }: Came) => {
  const state = query.get('state')
  const taken = state && binding ? await states.take(state, binding) : undefined
  if (taken) return taken
  throw failed('This authorization has ended, was used already, or began in another browser.')
}

/** What comes is for the server that was there, and for whom it was to be. */
const checkUnchanged = ({ reach_revision, settings }: Provider, began: AuthorizationState): void => {
  const isForTenant = settings.auth_scope === 'tenant'
  const isSame = reach_revision === began.reach_revision && audienceOf(settings) === began.audience
  if (!isSame || isForTenant !== (began.user_id === null)) throw changed()
}

const changed = () => failed('The provider was changed meanwhile.')

/**
 * RFC 9207 §2.4, before anything else is believed: the answer may be of another server than the one that was asked. It may
 * do without `iss` only where no other server knows the place it came to.
 */
const checkAnswerer = (
  { callbacks }: Pick<OauthDesk, 'callbacks'>,
  { issuer, authorization_response_iss_parameter_supported: isPromised = false }: ServerMetadata,
  { redirect_uri }: AuthorizationState,
  { query, redirectUri }: Came
): void => {
  const given = query.getAll('iss')
  const isMissing = given.length === 0 && (isPromised || redirectUri !== callbacks.of(issuer))
  if (redirectUri !== redirect_uri || isMissing || given.some((one) => one !== issuer))
    throw failed('The answer did not come from the authorization server that was asked.')
}

/** Who began may have lost the right to it at the authorization server's pages. */
const checkActor = async (
  { findStanding }: Pick<Needs, 'findStanding'>,
  { external }: Provider['settings'],
  { tenant_id, user_id, actor_id }: AuthorizationState
): Promise<void> => {
  const standing = await findStanding({ tenant_id, user_id: actor_id })
  if (user_id === null) {
    if (standing.is === 'member' && isAdministrator(standing)) return
    throw notTheirs('Only an owner or admin can authorize this provider. Ask one of them to.')
  }
  if (standing.is === 'gone' || (standing.is === 'external' && !external))
    throw notTheirs(
      'Only a member can authorize it. Ask an administrator to invite you, or to mark the provider as external.'
    )
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
