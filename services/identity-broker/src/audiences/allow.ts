import { ReportedError } from '@onbehalf/errors'
import type { Audience } from '../sign-in/begin.ts'
import type { FindAudiences } from './find.ts'
import { covers } from './pattern.ts'
import type { AudienceStore } from './store.ts'

type Needs = {
  findAudiences: FindAudiences
  audiences: Pick<AudienceStore, 'all'>
}

/** What a token may be asked for: a registered server, or something the tenant allows by a pattern. */
export type AllowedAudience = Pick<Audience, 'audience' | 'mode' | 'provider_id' | 'forward_id_token'> & {
  server_identifier: string | undefined
  /** Whether what is registered there is not marked for external users. */
  isForMembers: boolean
}

export type AllowAudience = (tenantId: string, audience: string) => Promise<AllowedAudience>

/**
 * Decides before any IdP is asked: with several of them a refresh for an audience they do not know costs the grant.
 * Throws `audience_not_allowed`.
 */
export const createAudienceCheck =
  ({ findAudiences, audiences }: Needs): AllowAudience =>
  async (tenantId, audience) => {
    // An older replica of mcp-provider does not tell: then nobody is refused for it.
    const { audiences: known, is_for_members: isForMembers = false } = await findAudiences(tenantId, audience)
    const registered = known.find((one) => one.audience === audience)
    if (registered) return { ...registered, isForMembers }
    // A pattern must not stand in for what is registered: it knows neither its mode nor whom it is for.
    const almost = known.find((one) => withoutSlash(one.audience) === withoutSlash(audience))
    if (almost) throw notAllowed(differenceFrom(almost.audience))
    const patterns = await audiences.all(tenantId)
    if (patterns.some(({ pattern }) => covers(pattern, audience)))
      return { audience, mode: 'idp_token', server_identifier: undefined, isForMembers }
    throw notAllowed('is neither a registered server of this tenant nor allowed by a pattern')
  }

const withoutSlash = (audience: string) => audience.replace(/\/$/, '')

const differenceFrom = (registered: string) =>
  `differs from a registered server of this tenant in the slash at the end; write it as ${JSON.stringify(registered)}`

const notAllowed = (message: string) =>
  new ReportedError('audience_not_allowed', `No token is given for this audience: it ${message}.`, {
    details: [{ path: 'audience', message }]
  })
