import { unfit } from '../../exchange/failure.ts'
import { requireCurrent } from '../../exchange/read-exchanged.ts'
import { charactersMax } from '../../grants/refresh/access-token.ts'
import { idTokenWant } from '../../grants/refresh/minted-token.ts'
import type { TokenStore } from '../../grants/refresh/token-store.ts'
import type { GrantStore } from '../../grants/store.ts'
import { liveGrant } from './live-grant.ts'
import { type Mint, remintSeconds } from './mode.ts'
import type { Obtain } from './obtain.ts'

type Needs = {
  grants: Pick<GrantStore, 'listOf'>
  obtain: Obtain
  tokens: Pick<TokenStore, 'dropRejected'>
  now?: () => number
}

const idp = 'The identity provider'

/**
 * The exception of `idp_token` (`forward_id_token`): the user's ID token, whose audience is our client and not the server.
 * All servers that an owner made the exception for get the same one, and each could show it to another.
 */
export const createIdTokenMint =
  ({ grants, obtain, tokens, now = Date.now }: Needs): Mint =>
  async (request) => {
    const { user, rejectedTokenHash: hash } = request
    const grant = await liveGrant(grants, request)
    const want = idTokenWant(grant)
    if (hash) await tokens.dropRejected(grant.id, want, { hash, ageSeconds: remintSeconds })
    const { token, expires_at, jti, generation } = await obtain(grant, want, request)
    if (token.length > charactersMax) throw unfit(idp, 'gives ID tokens that are too long to be sent')
    requireCurrent(idp, expires_at, now())
    const { id: grant_id, connection_id } = grant
    return { token, expires_at, reusable: true, subject: user.subject, jti, generation, grant_id, connection_id }
  }
