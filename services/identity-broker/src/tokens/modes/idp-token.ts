import { ReportedError } from '@onbehalf/errors'
import type { ConnectionStore } from '../../connections/store.ts'
import type { Grant } from '../../database.ts'
import type { HeldGrant, heldFor } from '../../grants/held-store.ts'
import type { LatestTokens } from '../../grants/refresh/latest-tokens.ts'
import type { MintedToken, Want, Wanted } from '../../grants/refresh/minted-token.ts'
import type { TokenStore } from '../../grants/refresh/token-store.ts'
import { type Mint, type MintRequest, remintSeconds } from './mode.ts'
import type { Obtain } from './obtain.ts'
import { noneAlive, refused, signIn } from './refusals.ts'

type Needs = {
  findGrants: ReturnType<typeof heldFor>
  connections: Pick<ConnectionStore, 'find'>
  obtain: Obtain
  tokens: Pick<TokenStore, 'dropRejected'>
  latest: Pick<LatestTokens, 'findEnded' | 'forget'>
}

type Asked = Pick<Grant, 'tenant_id' | 'user_id' | 'connection_id'> & Want
type Obtained = MintedToken & { grant_id: string }

/** The IdP's own access token for the audience, from the user's stored refresh token. */
export const createIdpTokenMint = ({ findGrants, connections, obtain, tokens, latest }: Needs): Mint => {
  /** Without a look at the grant, where this process knows that nothing is kept; undefined where another look is due. */
  const obtainNext = async (asked: Asked, wanted: Wanted, request: MintRequest): Promise<Obtained | undefined> => {
    const ended = latest.findEnded(asked)
    if (!ended) return undefined
    const token = await obtain(ended, wanted, request, ended.look).catch((error: unknown): undefined => {
      if (!(error instanceof ReportedError) || error.code !== 'identity_refresh_rejected') throw error
      // That grant is at its end; there may be another one.
      latest.forget(asked)
    })
    return token && { ...token, grant_id: ended.id }
  }
  const obtainHeld = async (asked: Asked, wanted: Wanted, request: MintRequest): Promise<Obtained> => {
    const { rejectedTokenHash: hash } = request
    const held = await findGrants(asked)
    const grant = held.find(({ is_for, dead_reason }) => is_for && dead_reason === null)
    // A resource outside of what it was authorised for would cost the IdP's grant.
    if (!grant) throw await explainNone(connections, held, request)
    if (hash) await tokens.dropRejected(grant.id, wanted, { hash, ageSeconds: remintSeconds })
    const look = hash ? undefined : grant.look
    return { ...(await obtain(grant, wanted, request, look)), grant_id: grant.id }
  }
  return async (request) => {
    const { user, actor, provider, rejectedTokenHash: hash } = request
    const { tenant_id, id: user_id, connection_id, subject } = user
    const want: Want = { audience: provider.audience, mode: 'idp_token', scopes: provider.scopes.join(' ') }
    const [asked, wanted] = [
      { tenant_id, user_id, connection_id, ...want },
      { ...want, asker: actor }
    ]
    const next = hash === undefined ? await obtainNext(asked, wanted, request) : undefined
    const obtained = next ?? (await obtainHeld(asked, wanted, request))
    const { token, expires_at, jti, generation, grant_id } = obtained
    return { token, expires_at, reusable: true, subject, jti, generation, grant_id, connection_id }
  }
}

const explainNone = async (
  connections: Needs['connections'],
  held: readonly HeldGrant[],
  { user }: MintRequest
): Promise<ReportedError> => {
  const connection = await connections.find(user.tenant_id, user.connection_id)
  // Signing in again would not help: the sign-in asks for no server.
  if (connection?.resource_support === 'none') return noResources()
  if (held.every(({ dead_reason }) => dead_reason !== null)) return noneAlive(held)
  if (held.some(({ is_for }) => is_for)) return refused()
  return signIn('resource_not_granted', 'This server was not part of what the user agreed to.')
}

const noResources = () =>
  new ReportedError(
    'audience_not_supported',
    'The identity provider of this user gives no tokens for single servers (resource_support is none). ' +
      'An administrator can choose another identity_mode.'
  )
