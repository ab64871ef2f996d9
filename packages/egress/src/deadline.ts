import { DeadlinePassed } from './failure.ts'
import type { Running } from './running.ts'
import type { CallSignal } from './signal.ts'

/** Aborts when the whole time is over or the caller gives up, whichever is first. `end` must be called. */
export type Deadline = {
  signal: AbortSignal
  passed: Promise<never>
  /** Aborts now if the time is over: in a process that stood still, what was to say so may come late. */
  check(): void
  end(): void
}

const timersMax = 2 ** 31 - 1

export const startDeadline = (timeoutMs: number, running: Running, outer?: CallSignal): Deadline => {
  const controller = new AbortController()
  const call = { abort: (reason: Error) => controller.abort(reason), place: -1 }
  running.add(call)
  const { signal } = controller
  const giveUp = { handleEvent: () => controller.abort(outer?.reason) }
  const endsAt = Date.now() + timeoutMs
  const pass = (): void => controller.abort(new DeadlinePassed(`${timeoutMs} ms are over`))
  const timer = timeoutMs <= timersMax ? setTimeout(pass, timeoutMs) : undefined
  // The call's socket keeps the process up; a body that nobody reads shall not.
  timer?.unref()
  const passed = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  // Whoever waits for it sees the rejection; when nobody does any more it is no failure.
  passed.catch(() => undefined)
  if (outer?.aborted) giveUp.handleEvent()
  else outer?.addEventListener('abort', giveUp)
  return {
    signal,
    passed,
    check: () => {
      if (Date.now() >= endsAt) pass()
    },
    end: () => {
      clearTimeout(timer)
      running.delete(call)
      outer?.removeEventListener('abort', giveUp)
    }
  }
}
