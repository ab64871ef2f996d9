import { type Egress, wasSent } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import type { Exchange, Outcome } from '@onbehalf/lease'
import type { SigningKey } from '@onbehalf/rpc'
import type { ServerMetadata } from '../../authorization/server.ts'
import type { Provider } from '../../providers/provider.ts'
import type { OauthClient } from '../client.ts'
import { credentialsForm } from '../client-credentials.ts'
import type { AccessToken, PresentedCredential } from '../credential.ts'
import type { Authorizations } from '../describe.ts'
import type { FindKnownClient } from '../find-client.ts'
import { misconfigured } from '../problems.ts'
import type { RetireClient } from '../retire-client.ts'
import { type Answered, askTokenEndpoint, errorIn, retryAfterMs, tokensIn, toldBy } from '../token-endpoint.ts'
import type { Material, Want } from './store.ts'

type Needs = {
  egress: Pick<Egress, 'request'>
  authorizations: Pick<Authorizations, 'serverOf'>
  findProvider: (tenant_id: string, id: string) => Promise<Provider>
  findKnownClient: FindKnownClient
  retireClient: RetireClient
  /** Notes that it is not renewed, and why; throws nothing. */
  noteRefused: (credential: PresentedCredential, reason: string) => Promise<void>
  findKey: (tenant_id: string) => Promise<SigningKey>
  now: () => number
}

type Outcomes = Outcome<Material, AccessToken>

const [busyMs, troubleMs, refusedMs] = [5_000, 0, 30_000]

/** Presents a credential's refresh token, or its client's own credentials, to the server that gave it and to no other. */
export const createExchange =
  (needs: Needs): Exchange<Material, Want, AccessToken> =>
  async ({ credential, refreshToken }, { resource }, deadlineAt) => {
    const { grant_type, scope, issuer, token_endpoint, tenant_id } = credential
    if (grant_type === 'authorization_code' && refreshToken === null) return rejected('there is no refresh token')
    const found = await findBoth(needs, credential).catch(asReported)
    if (found instanceof ReportedError) return { kind: 'not_processed', retryAfterMs: 5_000, cause: found }
    const { server, client } = found
    // A credential never goes to another place than the one that issued it, whatever its metadata says now.
    if (!client || server.token_endpoint !== token_endpoint)
      return rejected('the authorization server or our client there was changed')
    const fields =
      refreshToken === null
        ? credentialsForm({ resource, scope })
        : { grant_type: 'refresh_token', refresh_token: refreshToken, resource }
    const at = { issuer, findKey: () => needs.findKey(tenant_id), now: needs.now }
    const asked = { tokenEndpoint: token_endpoint, client, fields, timeoutMs: deadlineAt - needs.now() }
    try {
      const answered = await askTokenEndpoint(needs.egress, asked, at)
      if (errorIn(answered) === 'invalid_client') await needs.retireClient(credential)
      const outcome = readAnswer(answered, credential, needs.now())
      if (outcome.kind === 'refused') await needs.noteRefused(credential, reasonIn(answered))
      return outcome
    } catch (cause) {
      // The client's own credentials can be shown again, whatever came of it.
      const isRepeatable = wasSent(cause) === 'no' || refreshToken === null
      return isRepeatable ? { kind: 'not_processed', retryAfterMs: 1_000, cause } : { kind: 'unknown', cause }
    }
  }

const findBoth = async (
  { authorizations, findProvider, findKnownClient }: Needs,
  { tenant_id, provider_id, issuer, grant_type, client_id }: PresentedCredential
): Promise<{ server: ServerMetadata; client: OauthClient | undefined }> => {
  const { settings, authorization_issuer: pinned } = await findProvider(tenant_id, provider_id)
  const server = await authorizations.serverOf(issuer)
  const { authentication } = settings
  const wanted = { tenant_id, authentication, pinned, grant_type, client_id }
  return { server, client: await findKnownClient(server, wanted) }
}

const asReported = (cause: unknown): ReportedError =>
  cause instanceof ReportedError ? cause : new ReportedError('unavailable', 'It is not known yet.', { cause })

const rejected = (why: string): Outcomes => ({ kind: 'rejected', cause: new Error(why) })

const readAnswer = (answered: Answered, credential: PresentedCredential, now: number): Outcomes => {
  const { status, body } = answered
  const tokens = tokensIn(answered, now)
  if (tokens) {
    const { access, refresh_token } = tokens
    return {
      kind: 'answered',
      material: refresh_token ? { credential, refreshToken: refresh_token } : undefined,
      token: access
    }
  }
  const cause = toldBy(answered)
  if (status === 200) return { kind: 'unknown', cause }
  const waitMs = (otherwise: number) => retryAfterMs(answered, now) ?? otherwise
  if (status === 429) return { kind: 'not_processed', retryAfterMs: waitMs(busyMs), cause }
  if (status >= 500) return { kind: 'unknown', retryAfterMs: waitMs(troubleMs), cause }
  if (status === 400 && body === '') return rejected('400 with an empty body')
  if (errorIn(answered) === 'invalid_grant') return rejected('invalid_grant')
  return { kind: 'refused', retryAfterMs: waitMs(refusedMs), cause: misconfigured(cause) }
}

// RFC 6749 §5.2 and RFC 8707 §2; whatever else it says in that place may be anything.
const reasons: ReadonlySet<string> = new Set([
  ...['invalid_request', 'invalid_client', 'unauthorized_client'],
  ...['unsupported_grant_type', 'invalid_scope', 'invalid_target']
])

/** What is put on record of a refusal. */
const reasonIn = (answered: Answered): string => {
  const error = errorIn(answered)
  return error !== undefined && reasons.has(error) ? error : `status ${answered.status}`
}
