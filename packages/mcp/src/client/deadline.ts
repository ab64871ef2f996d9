import { type CallSignal, Ending } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { timedOut, unavailable } from './errors.ts'

/** Milliseconds since some moment, which never go back. */
export type Clock = () => number

type Length = { ms: number; msMax: number; signal?: CallSignal | undefined }

/** How long something may take, as a signal for whoever does it. Must be stopped. */
export class Deadline {
  readonly signal: Ending
  private readonly outer: CallSignal | undefined
  private readonly clock: Clock
  private readonly endsAt: number
  // One timer for both: an extension never reaches beyond the hard end.
  private wait: NodeJS.Timeout
  private waitMs: number
  private isExpired = false

  constructor(clock: Clock, { ms, msMax, signal }: Length) {
    this.signal = new Ending(signal)
    this.outer = signal
    this.clock = clock
    this.endsAt = clock() + msMax
    this.waitMs = Math.min(ms, msMax)
    this.wait = setTimeout(expire, this.waitMs, this)
  }

  /** Starts the wait anew with this length; the hard end stays where it is. */
  extend(ms: number): void {
    if (this.signal.aborted) return
    const allowedMs = Math.min(ms, this.endsAt - this.clock())
    if (allowedMs === this.waitMs) {
      this.wait.refresh()
      return
    }
    clearTimeout(this.wait)
    this.waitMs = allowedMs
    this.wait = setTimeout(expire, Math.max(0, allowedMs), this)
  }

  expire(): void {
    this.isExpired = true
    this.signal.abort()
  }

  /** The error to tell of, given what was thrown while this deadline ran. */
  explain(thrown: unknown): unknown {
    if (this.isExpired) return timedOut(thrown)
    if (this.outer?.aborted) return this.outer.reason
    if (thrown instanceof ReportedError) return thrown
    return isTimeout(thrown) ? timedOut(thrown) : unavailable(thrown)
  }

  stop(): void {
    clearTimeout(this.wait)
    this.signal.unlink()
  }
}

const expire = (deadline: Deadline) => deadline.expire()

/** Starts a deadline that ends after `ms` without an extension, after `msMax` at the latest, or with `signal`. */
export const startDeadline = (clock: Clock, length: Length): Deadline => new Deadline(clock, length)

/** Waits so long, unless the signal ends the wait with its reason. */
export const pause = (ms: number, signal: CallSignal): Promise<void> => {
  // One that has ended tells nobody any more.
  if (signal.aborted) return Promise.reject(signal.reason)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stop = {
    handleEvent: () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
  }
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', stop)
    resolve()
  }, ms)
  signal.addEventListener('abort', stop)
  return promise
}

const timeoutCodes: readonly unknown[] = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']

const isTimeout = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && timeoutCodes.includes(thrown.code)
