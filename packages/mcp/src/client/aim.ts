import type { McpTarget } from './asking.ts'
import { type Clock, type Deadline, startDeadline } from './deadline.ts'
import { callerHeaders } from './headers.ts'
import type { McpLimits } from './limits.ts'
import type { Json } from './protocol.ts'
import type { Target } from './target.ts'

type Aiming = { limits: McpLimits; clock: Clock }

/** A target with a deadline that runs from now on, and must be stopped. */
export const aim = ({ limits, clock }: Aiming, where: McpTarget): Target => {
  const { timeoutMs: ms, signal } = where
  return aimAt(where, startDeadline(clock, { ms, msMax: limits.callMsMax, signal }))
}

/** The same for a stream of changes, which may be silent for as long as it is heard. */
export const aimToHear = ({ limits, clock }: Aiming, where: McpTarget): Target => {
  const { watchMsMax: msMax, watchSilenceMsMax: sseReadTimeoutMs, watchMessageLengthMax: messageLengthMax } = limits
  const deadline = startDeadline(clock, { ms: where.timeoutMs, msMax, signal: where.signal })
  return { ...aimAt(where, deadline), sseReadTimeoutMs, messageLengthMax }
}

const aimAt = (
  { url, holder = '', headers, timeoutMs, sseReadTimeoutMs = timeoutMs }: McpTarget,
  deadline: Deadline
): Target => ({
  url,
  holder,
  headers: callerHeaders(headers),
  timeoutMs,
  sseReadTimeoutMs,
  deadline,
  onEvent: undefined,
  wantsEvents: false,
  capabilities: none,
  onRequest: undefined,
  logLevel: undefined
})

const none: Json = {}
