import { type CallSignal, throwIfEnded } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'

export type PlaceLimits = {
  /** Calls of one provider under way in this process. */
  callsMax: number
  /** Calls of one provider that wait for a place. */
  waitingMax: number
}

/** How many calls are under way at once; the others wait in a line of bounded length, first come first served. */
export class Places {
  private readonly limits: PlaceLimits
  private taken = 0
  /** Whose turn it is, in the order they came; not there before somebody had to wait. */
  private line: Set<() => void> | undefined

  constructor(limits: PlaceLimits) {
    this.limits = limits
  }

  /**
   * Takes a place: at once where one is free, or else when the promise resolves. Throws the signal's reason, or
   * `upstream_unavailable` where the line is full.
   */
  take(signal: CallSignal): Promise<void> | undefined {
    throwIfEnded(signal)
    if (this.taken >= this.limits.callsMax) {
      this.line ??= new Set()
      if (this.line.size >= this.limits.waitingMax) throw lineFull()
      return waitIn(this.line, signal)
    }
    this.taken += 1
    return undefined
  }

  giveBack(): void {
    const [first] = this.line ?? []
    if (!first) {
      this.taken -= 1
      return
    }
    // The place goes to the first in line without having been free.
    this.line?.delete(first)
    first()
  }

  isEmpty(): boolean {
    return this.taken === 0
  }
}

const waitIn = async (line: Set<() => void>, signal: CallSignal): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const leave = {
    handleEvent: () => {
      line.delete(resolve)
      reject(signal.reason)
    }
  }
  line.add(resolve)
  signal.addEventListener('abort', leave)
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

const lineFull = () =>
  new ReportedError('upstream_unavailable', 'Too many calls wait for this MCP server. Try again shortly.', {
    retry_after_seconds: 1
  })
