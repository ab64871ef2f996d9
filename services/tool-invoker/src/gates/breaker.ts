import { ReportedError } from '@onbehalf/errors'
import { upstreamStatusOf } from '@onbehalf/mcp'

/** Whether a server is asked at all: not for a while once it only failed, and then by one call that tries it. */
export type Breaker = {
  /** Lets a call through; throws `upstream_unavailable` while the server is left alone. */
  enter: () => Visit
  /** Whether nothing is held against the server. */
  isClean: () => boolean
}

/** What became of a call that was let through, to be told once. */
export type Visit = {
  succeeded: () => void
  failed: () => void
  /** The call ended for a reason that says nothing about the server. */
  left: () => void
}

export type BreakerLimits = {
  /** So many failures with no success between them open it. */
  failuresMax: number
  /** How long the server is left alone at first; twice as long after each probe that fails. */
  pauseMs: number
  pauseMsMax: number
}

export const createBreaker = ({ failuresMax, pauseMs, pauseMsMax }: BreakerLimits, now: () => number): Breaker => {
  let failures = 0
  let pauses = 0
  let openUntil = 0
  let probe: Visit | undefined

  const open = () => {
    openUntil = now() + Math.min(pauseMs * 2 ** pauses, pauseMsMax)
    pauses += 1
  }
  // A call that was under way when it opened makes the pause no longer, and lets no other one through.
  const createVisit = (): Visit => {
    const visit: Visit = {
      succeeded: () => {
        failures = 0
        pauses = 0
        visit.left()
      },
      failed: () => {
        failures += 1
        if (failures === failuresMax || probe === visit) open()
        visit.left()
      },
      left: () => {
        if (probe === visit) probe = undefined
      }
    }
    return visit
  }
  // Only the call that tries a server has to be told from the others.
  const ordinary = createVisit()
  return {
    enter: () => {
      if (failures < failuresMax) return ordinary
      if (probe || now() < openUntil) throw leftAlone(openUntil - now())
      probe = createVisit()
      return probe
    },
    isClean: () => failures === 0
  }
}

const goneStatuses: ReadonlySet<number | null> = new Set([null, 502, 503, 504])

/** Whether an error says that the server is away, rather than that it refused or failed at this one call. */
export const saysServerAway = (thrown: unknown): boolean => {
  if (!(thrown instanceof ReportedError)) return false
  if (thrown.code === 'upstream_timeout') return true
  return thrown.code === 'upstream_unavailable' && goneStatuses.has(upstreamStatusOf(thrown))
}

const leftAlone = (ms: number) =>
  new ReportedError('upstream_unavailable', 'The MCP server has not been answering. It is tried again shortly.', {
    retry_after_seconds: Math.max(1, Math.ceil(ms / 1000))
  })
