import { ReportedError } from '@onbehalf/errors'
import { upstreamStatusOf } from '@onbehalf/mcp'

/** How a call was let through: like the others, or as the one that tries whether the server is there again. */
export type Visit = 'ordinary' | 'probe'

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
  private isProbed = false

  constructor(limits: BreakerLimits, now: () => number) {
    this.limits = limits
    this.now = now
  }

  /** Lets a call through, of which is told once what became of it; throws `upstream_unavailable` while it is open. */
  enter(): Visit {
    if (this.failures < this.limits.failuresMax) return 'ordinary'
    const forMs = this.openUntil - this.now()
    if (this.isProbed || forMs > 0) throw leftAlone(forMs)
    this.isProbed = true
    return 'probe'
  }

  /** Whether the server is left alone now. */
  isOpen(): boolean {
    return this.now() < this.openUntil
  }

  succeeded(visit: Visit): void {
    this.failures = 0
    this.pauses = 0
    this.left(visit)
  }

  // A call that was under way when it opened makes the pause no longer, and lets no other one through.
  failed(visit: Visit): void {
    this.failures += 1
    if (this.failures === this.limits.failuresMax || visit === 'probe') this.open()
    this.left(visit)
  }

  /** The call ended for a reason that says nothing about the server. */
  left(visit: Visit): void {
    if (visit === 'probe') this.isProbed = false
  }

  private open(): void {
    const { pauseMs, pauseMsMax } = this.limits
    this.openUntil = this.now() + Math.min(pauseMs * 2 ** this.pauses, pauseMsMax)
    this.pauses += 1
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
