import { ReportedError } from '@onbehalf/errors'
import type { Audience } from '../sign-in/begin.ts'
import { covers } from './pattern.ts'
import type { AudienceStore } from './store.ts'

type Needs = {
  /** The tenant's registered servers that get an identity. */
  audiencesOf: (tenantId: string) => Promise<Audience[]>
  audiences: Pick<AudienceStore, 'all'>
}

/** What a token may be asked for: a registered server, or something the tenant allows by a pattern. */
export type AllowedAudience = Pick<Audience, 'audience' | 'mode' | 'provider_id' | 'forward_id_token'> & {
  server_identifier: string | undefined
}

export type AllowAudience = (tenantId: string, audience: string) => Promise<AllowedAudience>

/**
 * Decides before any IdP is asked: with several of them a refresh for an audience they do not know costs the grant.
 * Throws `audience_not_allowed`.
 */
export const createAudienceCheck =
  ({ audiencesOf, audiences }: Needs): AllowAudience =>
  async (tenantId, audience) => {
    const registered = (await audiencesOf(tenantId)).find((known) => known.audience === audience)
    if (registered) return registered
    const patterns = await audiences.all(tenantId)
    if (patterns.some(({ pattern }) => covers(pattern, audience)))
      return { audience, mode: 'idp_token', server_identifier: undefined }
    throw new ReportedError('audience_not_allowed', 'No token is given for this audience.', {
      details: [{ path: 'audience', message: 'is neither a registered server of this tenant nor allowed by a pattern' }]
    })
  }
