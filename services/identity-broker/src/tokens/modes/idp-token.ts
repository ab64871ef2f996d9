import { ReportedError } from '@onbehalf/errors'
import { RefreshFailure } from '@onbehalf/lease'
import type { ConnectionStore } from '../../connections/store.ts'
import type { Grant } from '../../database.ts'
import type { Want } from '../../grants/refresh/minted-token.ts'
import type { GrantRefresher } from '../../grants/refresh/refresh.ts'
import type { TokenStore } from '../../grants/refresh/token-store.ts'
import type { GrantStore } from '../../grants/store.ts'
import type { Mint, MintRequest } from './mode.ts'

type Needs = {
  grants: Pick<GrantStore, 'listOf'>
  connections: Pick<ConnectionStore, 'find'>
  refresher: Pick<GrantRefresher, 'obtain'>
  dropRejected: TokenStore['dropRejected']
}

/** A token the MCP server refused is replaced at most this often. */
const remintSeconds = 60

/** The IdP's own access token for the audience, from the user's stored refresh token. */
export const createIdpTokenMint =
  ({ grants, connections, refresher, dropRejected }: Needs): Mint =>
  async (request) => {
    const { user, provider, rejectedTokenHash: hash, deadlineAt } = request
    const held = await grants.listOf({ tenant_id: user.tenant_id, user_id: user.id, connection_id: user.connection_id })
    const grant = liveGrant(held, provider.audience)
    if (!grant) throw await explainNone(connections, held, request)
    const want: Want = { audience: provider.audience, mode: 'idp_token', scopes: provider.scopes.join(' ') }
    if (hash) await dropRejected(grant.id, want, { hash, ageSeconds: remintSeconds })
    const brought = await refresher.obtain(grant.id, want, deadlineAt).catch((error: unknown) => {
      throw explain(error, request)
    })
    if (brought.refusal) throw new ReportedError(brought.refusal.code, brought.refusal.message)
    const { token, expires_at, jti, generation } = brought.token
    const { id: grant_id, connection_id } = grant
    return { token, expires_at, reusable: true, subject: user.subject, jti, generation, grant_id, connection_id }
  }

/** A live grant that was authorised for the audience: a resource outside of it would cost the IdP's grant. */
const liveGrant = (held: Grant[], audience: string): Grant | undefined =>
  held.find(({ resources, dead_reason }) => resources.includes(audience) && dead_reason === null)

const explainNone = async (
  connections: Needs['connections'],
  held: Grant[],
  { user, provider: { audience }, connectUrl }: MintRequest
): Promise<ReportedError> => {
  const connection = await connections.find(user.tenant_id, user.connection_id)
  // Signing in again would not help: the sign-in asks for no server.
  if (connection?.resource_support === 'none') return noResources()
  if (held.length === 0) return signIn('no_refresh_token', 'Nothing is stored to act as this user.', connectUrl)
  const isDead = held.every(({ dead_reason }) => dead_reason !== null)
  if (isDead || held.some(({ resources }) => resources.includes(audience))) return refused(connectUrl)
  return signIn('resource_not_granted', 'This server was not part of what the user agreed to.', connectUrl)
}

const noResources = () =>
  new ReportedError(
    'audience_not_supported',
    'The identity provider of this user gives no tokens for single servers (resource_support is none). ' +
      'An administrator can choose another identity_mode.'
  )

const signIn = (code: 'no_refresh_token' | 'resource_not_granted', why: string, connect_url: string) =>
  new ReportedError(code, `${why} Please sign in again at the connect_url.`, { connect_url })

const refused = (connect_url: string, cause?: unknown) =>
  new ReportedError(
    'identity_refresh_rejected',
    'The identity provider no longer accepts what was stored. Please sign in again at the connect_url.',
    { connect_url, cause }
  )

const explain = (error: unknown, { connectUrl }: MintRequest): unknown => {
  if (!(error instanceof RefreshFailure)) return error
  if (error.reason === 'dead') return refused(connectUrl, error)
  return new ReportedError('identity_provider_unavailable', 'The identity provider does not answer. Try again.', {
    cause: error,
    retry_after_seconds: Math.max(1, error.retryAfterSeconds)
  })
}
