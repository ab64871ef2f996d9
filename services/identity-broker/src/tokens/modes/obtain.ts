import { ReportedError } from '@onbehalf/errors'
import type { Look } from '@onbehalf/lease'
import type { Grant } from '../../database.ts'
import type { Brought, MintedToken, Wanted } from '../../grants/refresh/minted-token.ts'
import type { GrantRefresher } from '../../grants/refresh/refresh.ts'
import type { MintRequest } from './mode.ts'
import { explainRefresh } from './refusals.ts'

/**
 * What a refresh of the grant brought, or brings now, for `want`; one refresh for all who ask at once. `look`: what was
 * seen of it since this request came.
 */
export type Obtain = (
  grant: Pick<Grant, 'id'>,
  want: Wanted,
  request: Pick<MintRequest, 'deadlineAt'>,
  look?: Look<Brought>
) => Promise<MintedToken>

export const createObtain =
  (refresher: Pick<GrantRefresher, 'obtain'>): Obtain =>
  async ({ id }, want, request, look) => {
    const brought = await refresher.obtain(id, want, request.deadlineAt, look).catch((error: unknown) => {
      throw explainRefresh(error)
    })
    if (brought.refusal) throw new ReportedError(brought.refusal.code, brought.refusal.message)
    return brought.token
  }
