import type { ReportedError } from '@onbehalf/errors'
import { tagsOfPrincipal } from '@onbehalf/service-kit'
import type { ActingTools } from '../calls/acting.ts'
import type { CallsUnderWay } from '../calls/under-way.ts'
import type { Providers } from '../providers/cache.ts'
import { requireProvider } from '../providers/require.ts'
import type { SessionUse } from '../sessions/find.ts'
import type { Place } from './tool-changes.ts'

type Tools = ActingTools & { providers: Pick<Providers, 'find'>; underWay: Pick<CallsUnderWay, 'begin'> }

/**
 * Whose tools a caller hears of, watched from now on: `cancel` is told why they may no longer. Throws `not_found` where the
 * tenant has no such provider. Must be ended.
 */
export const watchCaller = async (
  tools: Tools,
  use: SessionUse,
  { traceparent, cancel }: { traceparent: string; cancel: (reason: ReportedError) => void }
): Promise<{ place: Place; end: () => void }> => {
  const find = () => requireProvider(tools, use, { traceparent })
  const watched = tools.underWay.begin(cancel)
  try {
    const { principal, provider } = await find()
    const provider_id = provider?.provider_id
    const tags = provider_id === undefined ? [] : [`provider:${provider_id}`]
    watched.sends(() => [...tagsOfPrincipal({ principal }), ...tags], find)
    return { place: { tenant_id: principal.tenant_id, provider_id }, end: watched.end }
  } catch (thrown) {
    watched.end()
    throw thrown
  }
}
