import { ReportedError } from '@onbehalf/errors'
import { timedOut, unavailable } from './errors.ts'

/** How long something may take, as a signal for whoever does it. Must be stopped. */
export type Deadline = {
  signal: AbortSignal
  /** Starts the wait anew with this length; the hard end stays where it is. */
  extend: (ms: number) => void
  /** The error to tell of, given what was thrown while this deadline ran. */
  explain: (thrown: unknown) => unknown
  abort: () => void
  stop: () => void
}

/** Milliseconds since some moment, which never go back. */
export type Clock = () => number

/** Starts a deadline that ends after `ms` without an extension, after `msMax` at the latest, or with `signal`. */
export const startDeadline = (
  clock: Clock,
  { ms, msMax, signal }: { ms: number; msMax: number; signal?: AbortSignal | undefined }
): Deadline => {
  const controller = new AbortController()
  let isExpired = false
  const expire = () => {
    isExpired = true
    controller.abort()
  }
  const abort = () => controller.abort()
  // One timer for both: an extension never reaches beyond the hard end.
  const endsAt = clock() + msMax
  let waitMs = Math.min(ms, msMax)
  let wait = setTimeout(expire, waitMs)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })

  const deadline: Deadline = {
    signal: controller.signal,
    extend: (nextMs) => {
      if (controller.signal.aborted) return
      const allowedMs = Math.min(nextMs, endsAt - clock())
      if (allowedMs === waitMs) {
        wait.refresh()
        return
      }
      clearTimeout(wait)
      waitMs = allowedMs
      wait = setTimeout(expire, Math.max(0, allowedMs))
    },
    explain: (thrown) => {
      if (isExpired) return timedOut(thrown)
      if (signal?.aborted) return signal.reason
      if (thrown instanceof ReportedError) return thrown
      return isTimeout(thrown) ? timedOut(thrown) : unavailable(thrown)
    },
    abort,
    stop: () => {
      clearTimeout(wait)
      signal?.removeEventListener('abort', abort)
    }
  }
  return deadline
}

/** Waits for work that goes on without us, and no longer than the signal allows. */
export const untilAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Waits so long, unless the signal ends the wait with its reason. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stop = () => {
    clearTimeout(timer)
    reject(signal.reason)
  }
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', stop)
    resolve()
  }, ms)
  signal.addEventListener('abort', stop, { once: true })
  return promise
}

const timeoutCodes: readonly unknown[] = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']

const isTimeout = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && timeoutCodes.includes(thrown.code)
