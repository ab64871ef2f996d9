import { ReportedError } from '@onbehalf/errors'
import type { ConnectionStore } from '../connections/store.ts'
import type { User } from '../database.ts'
import { lastIdentified } from '../users/identified.ts'

/** What a caller is told of a mint that failed for a user. */
export type ExplainForUser = (user: User, error: unknown) => Promise<unknown>

const ofGrants: ReadonlySet<string> = new Set(['no_refresh_token', 'audience_not_supported'])

/** Who signs in by SAML never has a grant: signing in once more, which others are told to do, would not help them. */
export const createExplainForUser =
  (connections: Pick<ConnectionStore, 'find'>): ExplainForUser =>
  async (user, error) => {
    const isOfGrant = error instanceof ReportedError && ofGrants.has(error.code)
    if (!isOfGrant || lastIdentified(user) === null) return error
    const connection = await connections.find(user.tenant_id, user.connection_id)
    return connection?.kind === 'saml' ? leavesNone(error) : error
  }

const leavesNone = (cause: ReportedError) =>
  new ReportedError(
    'no_refresh_token',
    'This user signs in by SAML, which leaves nothing to get tokens with. An administrator can choose the ' +
      'identity_mode "signed" for this server, or let people sign in by OpenID Connect.',
    { cause }
  )
