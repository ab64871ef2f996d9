import { UpstreamUnauthorized } from '@onbehalf/mcp'
import type { CredentialRow } from '../database.ts'
import type { Provider } from '../providers/provider.ts'
import { targetOf } from '../tools/target.ts'
import type { Holder } from './credential.ts'
import type { Described } from './describe.ts'
import type { OauthDesk } from './desk.ts'

/** What a server says now of where credentials come from, and the one that is stored. */
export type LookedUp = { described: Described; stored: CredentialRow | undefined }

/**
 * Asks a server which authorization server it has; undefined where it wants no credential and none is held. Throws
 * `upstream_error` where it does not do what the standards ask.
 */
export const lookUp = async (
  desk: Pick<OauthDesk, 'authorizations' | 'credentials' | 'mcp'>,
  provider: Provider,
  holder: Holder
): Promise<LookedUp | undefined> => {
  const stored = await desk.credentials.find(holder)
  const challenge = await challengeOf(desk, provider)
  if (challenge === undefined && !isLiving(stored)) return undefined
  const { settings, authorization_issuer } = provider
  const known = [settings.authentication?.issuer, authorization_issuer].filter((one) => typeof one === 'string')
  return { described: await desk.authorizations.describe(settings, { challenge, known }), stored }
}

/** Whether there is something that a call is made with, or that can be renewed. */
export const isLiving = (stored: CredentialRow | undefined): boolean =>
  stored !== undefined && stored.dead_reason === null

/** What the server says to who shows no credential of OAuth; undefined where it wants none. */
const challengeOf = async ({ mcp }: Pick<OauthDesk, 'mcp'>, provider: Provider): Promise<string | undefined> => {
  const { headers } = provider.settings
  try {
    await mcp.list(targetOf(provider, headers), { carriesCredential: Object.keys(headers).length > 0 })
    return undefined
  } catch (error) {
    if (error instanceof UpstreamUnauthorized) return error.wwwAuthenticate ?? ''
    throw error
  }
}
