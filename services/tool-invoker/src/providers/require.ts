import type { Principal, ProviderSettings } from '@onbehalf/contracts'
import type { Caller } from '@onbehalf/service-kit'
import { type ActingTools, actingOf } from '../calls/acting.ts'
import type { Providers } from './cache.ts'

/** Who asks for which provider; undefined where it is for all of them. */
type Use = { caller: Caller; server_identifier: string | undefined; user_id: string | undefined }

/**
 * For whom it is, and the provider where one is named. Throws `not_found` where the tenant has no such provider, or this
 * caller may not use it.
 */
export const requireProvider = async (
  tools: ActingTools & { providers: Pick<Providers, 'find'> },
  { caller, server_identifier, user_id }: Use,
  { traceparent }: { traceparent: string }
): Promise<{ principal: Principal; provider: ProviderSettings | undefined }> => {
  const acting = await actingOf(tools, caller, user_id === undefined ? {} : { user_id })
  const { principal } = acting
  if (server_identifier === undefined) return { principal, provider: undefined }
  const { settings } = await tools.providers.find({ acting, server_identifier, traceparent })
  return { principal, provider: settings }
}
