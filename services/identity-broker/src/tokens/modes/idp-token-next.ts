import { ReportedError } from '@onbehalf/errors'
import type { LatestTokens } from '../../grants/refresh/latest-tokens.ts'
import { idpTokenWant } from './idp-token.ts'
import type { MintNext } from './mode.ts'
import type { Obtain } from './obtain.ts'

type Needs = { obtain: Obtain; latest: Pick<LatestTokens, 'findEnded' | 'forget'> }

/**
 * The access token after one that has ended, of the same grant: without a look at user or grant, since the lease is taken
 * only where that grant lives and nothing is kept for it.
 */
export const createIdpTokenNext =
  ({ obtain, latest }: Needs): MintNext =>
  async (request) => {
    const { tenant_id, user_id, actor, provider, rejectedTokenHash } = request
    const want = idpTokenWant(provider)
    const asked = { tenant_id, user_id, ...want }
    const ended = rejectedTokenHash === undefined ? latest.findEnded(asked) : undefined
    if (!ended) return undefined
    const { look, grant_id, connection_id, subject } = ended
    const obtained = await obtain({ id: grant_id }, { ...want, asker: actor }, request, look).catch(
      (error: unknown): undefined => {
        if (!(error instanceof ReportedError) || error.code !== 'identity_refresh_rejected') throw error
        // That grant is at its end; there may be another one.
        latest.forget(asked)
      }
    )
    if (!obtained) return undefined
    const { token, expires_at, jti, generation } = obtained
    return { token, expires_at, reusable: true, subject, jti, generation, grant_id, connection_id }
  }
