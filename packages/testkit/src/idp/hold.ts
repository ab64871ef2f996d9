/** A request that waits at the token endpoint: before its work, or with its work done and the answer not sent. */
export type HeldRequest = {
  /** Lets it go on. */
  release: () => void
  /** Ends its connection, and what was not done yet is not done. */
  drop: () => void
}

type At = 'arrival' | 'answer'

/** Holds requests at the token endpoint, one for each time it was asked to. */
export const createHold = () => {
  const wanted: { at: At; held: (request: HeldRequest) => void }[] = []

  return {
    /** Waits here if somebody wants it to; whether to go on afterwards. */
    pass: (at: At): Promise<boolean> =>
      new Promise((goOn) => {
        if (wanted[0]?.at !== at) return goOn(true)
        wanted.shift()?.held({ release: () => goOn(true), drop: () => goOn(false) })
      }),
    /** The next one, when it got there. */
    holdTokenRequest: (at: At): Promise<HeldRequest> => new Promise((held) => wanted.push({ at, held }))
  }
}
