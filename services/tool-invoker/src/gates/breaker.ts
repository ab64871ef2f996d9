import { ReportedError } from '@onbehalf/errors'
import { upstreamStatusOf } from '@onbehalf/mcp'

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

/** Whether a server is asked at all: not for a while once it only failed, and then by one call that tries it. */
export class Breaker {
  private readonly limits: BreakerLimits
  private readonly now: () => number
  private failures = 0
  private pauses = 0
  private openUntil = 0
  private probe: Visit | undefined
  // Only the call that tries a server has to be told from the others.
  private readonly ordinary: Visit = new OneVisit(this)

  constructor(limits: BreakerLimits, now: () => number) {
    this.limits = limits
    this.now = now
  }

  /** Lets a call through; throws `upstream_unavailable` while the server is left alone. */
  enter(): Visit {
    if (this.failures < this.limits.failuresMax) return this.ordinary
    const forMs = this.openUntil - this.now()
    if (this.probe || forMs > 0) throw leftAlone(forMs)
    this.probe = new OneVisit(this)
    return this.probe
  }

  /** Whether the server is left alone now. */
  isOpen(): boolean {
    return this.now() < this.openUntil
  }

  succeeded(): void {
    this.failures = 0
    this.pauses = 0
  }

  // A call that was under way when it opened makes the pause no longer, and lets no other one through.
  failed(visit: Visit): void {
    this.failures += 1
    if (this.failures === this.limits.failuresMax || this.probe === visit) this.open()
  }

  left(visit: Visit): void {
    if (this.probe === visit) this.probe = undefined
  }

  private open(): void {
    const { pauseMs, pauseMsMax } = this.limits
    this.openUntil = this.now() + Math.min(pauseMs * 2 ** this.pauses, pauseMsMax)
    this.pauses += 1
  }
}

class OneVisit implements Visit {
  private readonly breaker: Breaker

  constructor(breaker: Breaker) {
    this.breaker = breaker
  }

  succeeded(): void {
    this.breaker.succeeded()
    this.breaker.left(this)
  }

  failed(): void {
    this.breaker.failed(this)
    this.breaker.left(this)
  }

  left(): void {
    this.breaker.left(this)
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
