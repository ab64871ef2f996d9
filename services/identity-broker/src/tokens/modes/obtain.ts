import { ReportedError } from '@onbehalf/errors'
import type { Grant } from '../../database.ts'
import type { MintedToken, Want } from '../../grants/refresh/minted-token.ts'
import type { GrantRefresher } from '../../grants/refresh/refresh.ts'
import type { MintRequest } from './mode.ts'
import { explainRefresh } from './refusals.ts'

/** What a refresh of the grant brought, or brings now, for `want`; one refresh for all who ask at once. */
export type Obtain = (
  grant: Pick<Grant, 'id'>,
  want: Want,
  request: Pick<MintRequest, 'deadlineAt'>
) => Promise<MintedToken>

export const createObtain =
  (refresher: Pick<GrantRefresher, 'obtain'>): Obtain =>
  async ({ id }, want, request) => {
    const brought = await refresher.obtain(id, want, request.deadlineAt).catch((error: unknown) => {
      throw explainRefresh(error)
    })
    if (brought.refusal) throw new ReportedError(brought.refusal.code, brought.refusal.message)
    return brought.token
  }
