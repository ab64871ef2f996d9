import { type CallSignal, throwIfEnded } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'

/** How many calls are under way at once; the others wait in a line of bounded length, first come first served. */
export type Places = {
  /**
   * Takes a place: at once where one is free, or else when the promise resolves. Throws the signal's reason, or
   * `upstream_unavailable` where the line is full.
   */
  take: (signal: CallSignal) => Promise<void> | undefined
  giveBack: () => void
  isEmpty: () => boolean
}

type Waiting = { goOn: () => void }

export const createPlaces = ({ callsMax, waitingMax }: { callsMax: number; waitingMax: number }): Places => {
  const line = new Set<Waiting>()
  let taken = 0

  const wait = async (signal: CallSignal): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = { goOn: resolve }
    const leave = {
      handleEvent: () => {
        line.delete(waiting)
        reject(signal.reason)
      }
    }
    line.add(waiting)
    signal.addEventListener('abort', leave)
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  return {
    take: (signal) => {
      throwIfEnded(signal)
      if (taken >= callsMax) {
        if (line.size >= waitingMax) throw lineFull()
        return wait(signal)
      }
      taken += 1
      return undefined
    },
    giveBack: () => {
      const [first] = line
      if (!first) {
        taken -= 1
        return
      }
      // The place goes to the first in line without having been free.
      line.delete(first)
      first.goOn()
    },
    isEmpty: () => taken === 0 && line.size === 0
  }
}

const lineFull = () =>
  new ReportedError('upstream_unavailable', 'Too many calls wait for this MCP server. Try again shortly.', {
    retry_after_seconds: 1
  })
