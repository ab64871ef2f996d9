import { findAuthorization, type ProviderAuthorization } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, call } from '@onbehalf/rpc'
import { tokenTypes } from '../../exchange/exchange.ts'
import { checkIdJag } from '../../exchange/id-jag.ts'
import { readExchanged } from '../../exchange/read-exchanged.ts'
import type { Redeem } from '../../exchange/redeem.ts'
import { readServerToken } from '../../exchange/server-token.ts'
import { idTokenWant } from '../../grants/refresh/minted-token.ts'
import type { ExchangeSubject } from './exchange-subject.ts'
import type { Plan } from './from-grant.ts'
import type { MintRequest } from './mode.ts'

type Needs = {
  /** The server's own authorization server, and our client there. */
  authorizationOf: (request: MintRequest) => Promise<ProviderAuthorization>
  exchangeSubject: ExchangeSubject
  redeem: Redeem
  now?: () => number
}

/**
 * An access token of the server's own authorization server: the IdP exchanges the user's ID token for an ID-JAG, and that
 * is redeemed there (draft-ietf-oauth-identity-assertion-authz-grant).
 */
export const planIdJag =
  ({ authorizationOf, exchangeSubject, redeem, now = Date.now }: Needs) =>
  async (request: MintRequest): Promise<Plan> => {
    const { audience: resource, scopes } = request.provider
    const scope = scopes.join(' ')
    const at = await authorizationOf(request)
    const { issuer: audience, client_id } = at
    return {
      // What another authorization server gave, or to another client, is not found any more.
      want: { audience: resource, mode: `id_jag by ${audience} for ${client_id}`, scopes: scope },
      fetch: async (grant) => {
        const subject = { subject: idTokenWant(grant), subject_token_type: tokenTypes.idToken }
        const target = { requested_token_type: tokenTypes.idJag, audience, resource, scope }
        const { body } = await exchangeSubject(grant, { ...subject, ...target }, request)
        const jag = readExchanged(body, { issuedTypes: [tokenTypes.idJag], tokenType: 'n_a' }).access_token
        const { issuer } = grant
        checkIdJag(jag, { issuer, subject: request.user.subject, audience, client_id, resource }, now())
        const given = await redeem(at, { assertion: jag, scope }, request.deadlineAt)
        return readServerToken(given, { issuer: audience, audience: resource, now: now() })
      }
    }
  }

/** Asks mcp-provider, which knows the server's metadata and our client there. */
export const createAuthorizationOf =
  (bus: Bus) =>
  async ({ user: { tenant_id }, provider: { provider_id }, deadlineAt }: MintRequest) => {
    if (!provider_id) throw notRegistered()
    return call(bus, findAuthorization, { tenant_id, provider_id }, { deadlineAt }).catch((error: unknown) => {
      throw explain(error)
    })
  }

const notRegistered = (cause?: unknown) =>
  new ReportedError('policy_denied', 'This server is not registered with the identity_mode id_jag.', { cause })

const explain = (error: unknown): unknown => {
  if (!(error instanceof ReportedError)) return error
  if (error.code === 'not_found') return notRegistered(error)
  if (error.code !== 'upstream_unavailable') return error
  return new ReportedError('identity_provider_unavailable', `${error.message} Try again.`, {
    cause: error,
    retry_after_seconds: 5
  })
}
