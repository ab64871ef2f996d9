/** A call under way: how it is cut off, and its place among the others. */
export type RunningCall = { abort: (reason: Error) => void; place: number }

/** Calls under way, so that closing can cut them off. */
export type Running = {
  add: (call: RunningCall) => void
  /** Does nothing for one that is there no more. */
  delete: (call: RunningCall) => void
  abortAll: (reason: Error) => void
}

/** An array, and no Set: `createCrowd` of packages/rpc says why. Neither package knows the other. */
export const createRunning = (): Running => {
  const calls: RunningCall[] = []
  return {
    add: (call) => {
      call.place = calls.push(call) - 1
    },
    delete: (call) => {
      if (calls[call.place] !== call) return
      const last = calls.pop()
      if (last === undefined || last === call) return
      last.place = call.place
      calls[last.place] = last
    },
    abortAll: (reason) => {
      for (const call of [...calls]) call.abort(reason)
    }
  }
}
