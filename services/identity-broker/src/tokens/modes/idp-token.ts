import { ReportedError } from '@onbehalf/errors'
import type { ConnectionStore } from '../../connections/store.ts'
import type { Grant } from '../../database.ts'
import type { HeldGrant, heldFor } from '../../grants/held-store.ts'
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
}

type Asked = Pick<Grant, 'tenant_id' | 'user_id' | 'connection_id'> & Want
type Obtained = MintedToken & { grant_id: string }

export const idpTokenWant = ({ audience, scopes }: MintRequest['provider']): Want => ({
  ...{ audience, mode: 'idp_token', scopes: scopes.join(' ') }
})

/** The IdP's own access token for the audience, from the user's stored refresh token. */
export const createIdpTokenMint = ({ findGrants, connections, obtain, tokens }: Needs): Mint => {
  const obtainHeld = async (asked: Asked, wanted: Wanted, request: MintRequest): Promise<Obtained> => {
    const { rejectedTokenHash: hash } = request
    const held = await findGrants(asked)
    // A resource outside of what it was authorised for would cost the IdP's grant.
    const alive = held.filter(({ is_for, dead_reason }) => is_for && dead_reason === null)
    let rejected: unknown
    for (const grant of alive) {
      if (hash) await tokens.dropRejected(grant.id, wanted, { hash, ageSeconds: remintSeconds })
      try {
        return { ...(await obtain(grant, wanted, request, hash ? undefined : grant.look)), grant_id: grant.id }
      } catch (error) {
        // That grant is at its end; the next one may hold.
        if (!isRejected(error)) throw error
        rejected = error
      }
    }
    throw rejected ?? (await explainNone(connections, held, request))
  }
  return async (request) => {
    const { user, actor, provider } = request
    const { tenant_id, id: user_id, connection_id, subject } = user
    const want = idpTokenWant(provider)
    const asked = { tenant_id, user_id, connection_id, ...want }
    const obtained = await obtainHeld(asked, { ...want, asker: actor }, request)
    const { token, expires_at, jti, generation, grant_id } = obtained
    return { token, expires_at, reusable: true, subject, jti, generation, grant_id, connection_id }
  }
}

const isRejected = (error: unknown): boolean =>
  error instanceof ReportedError && error.code === 'identity_refresh_rejected'

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
