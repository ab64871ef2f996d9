import type { ReportedError } from '@onbehalf/errors'
import { tagsOfPrincipal } from '@onbehalf/service-kit'
import type { ActingTools } from '../calls/acting.ts'
import type { CallsUnderWay } from '../calls/under-way.ts'
import type { Providers } from '../providers/cache.ts'
import { requireProvider } from '../providers/require.ts'
import type { SessionUse } from '../sessions/find.ts'
import type { Place } from './tool-changes.ts'

type Tools = ActingTools & {
  providers: Pick<Providers, 'find'>
  underWay: Pick<CallsUnderWay, 'begin'>
  now: () => Date
}

type Watcher = {
  traceparent: string
  /** Is told why they may no longer. */
  cancel: (reason: ReportedError) => void
  /** The provider was changed, so that it may be another server. */
  moved: () => void
}

/**
 * Whose tools a caller hears of, watched from now on. Throws `not_found` where the tenant has no such provider. Must be
 * ended.
 */
export const watchCaller = async (
  tools: Tools,
  use: SessionUse,
  { traceparent, cancel, moved }: Watcher
): Promise<{ place: Place; end: () => void }> => {
  let last: string | undefined
  const find = async () => {
    const found = await requireProvider(tools, use, { traceparent })
    const next = `${found.provider?.provider_id} ${found.provider?.revision}`
    if (last !== undefined && next !== last) moved()
    last = next
    return found
  }
  const watched = tools.underWay.begin(cancel)
  try {
    const { principal, provider } = await find()
    const provider_id = provider?.provider_id
    const tags = provider_id === undefined ? [] : [`provider:${provider_id}`]
    watched.sends(() => [...tagsOfPrincipal({ principal }), ...tags], find)
    const stop = askOnceOver(use.caller.credential_expires_at * 1000 - tools.now().getTime(), () => watched.ask())
    const end = () => {
      stop()
      watched.end()
    }
    return { place: { tenant_id: principal.tenant_id, provider_id }, end }
  } catch (thrown) {
    watched.end()
    throw thrown
  }
}

const lookMs = 60_000
// After the second in which a credential ends; a timer takes no longer wait.
const marginMs = 1_000
const waitMsMax = 2 ** 31 - 1

/** Nobody tells that a credential has ended by itself: its owner is asked then, and each minute while it gives no answer. */
const askOnceOver = (leftMs: number, ask: () => void): (() => void) => {
  const askAndWait = () => {
    ask()
    timer = setTimeout(askAndWait, lookMs)
  }
  let timer = setTimeout(askAndWait, Math.min(leftMs + marginMs, waitMsMax))
  return () => clearTimeout(timer)
}
