/** A call under way: how it is cut off, and its place among the others. */
export type RunningCall = { abort: (reason: Error) => void; place: number }

/** Calls under way, so that closing can cut them off. */
export type Running = {
  add: (call: RunningCall) => void
  /** Does nothing for one that is there no more. */
  delete: (call: RunningCall) => void
  abortAll: (reason: Error) => void
}

/**
 * An array, and no Set: of one that changes all the time V8 makes a new table every few dozen changes, and each former
 * table holds on to what was in it and to the next table. Once one of them was old, no call that there ever was would be young
 * garbage: the memory of all of them would be copied, and kept until the next full collection.
 */
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
