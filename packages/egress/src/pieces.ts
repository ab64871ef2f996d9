type Step = IteratorResult<Uint8Array, undefined>

/** What is between a connection and the reader of its answer. */
export type Pieces = {
  push: (piece: Uint8Array) => void
  end: () => void
  /** What is still to be read is lost. */
  fail: (error: unknown) => void
  read: AsyncIterableIterator<Uint8Array>
}

const heldBytesMax = 64 * 1024
const over: Step = { done: true, value: undefined }

/** Keeps what was not read yet; the connection pauses while that is much. One reader, that asks for one piece at a time. */
export const createPieces = (connection: { pause: () => void; resume: () => void; leave: () => void }): Pieces => {
  const held: Uint8Array[] = []
  let heldBytes = 0
  let isPaused = false
  let failure: { error: unknown } | undefined
  let isOver = false
  let waiting: PromiseWithResolvers<Step> | undefined

  const take = (piece: Uint8Array): Step => {
    heldBytes -= piece.byteLength
    if (isPaused && heldBytes === 0) {
      isPaused = false
      connection.resume()
    }
    return { done: false, value: piece }
  }
  const settle = (tell: (reader: PromiseWithResolvers<Step>) => void): void => {
    const reader = waiting
    waiting = undefined
    if (reader) tell(reader)
  }
  const read: Pieces['read'] = {
    next: async () => {
      const piece = held.shift()
      if (piece) return take(piece)
      if (failure) throw failure.error
      if (isOver) return over
      waiting = Promise.withResolvers<Step>()
      return waiting.promise
    },
    return: async () => {
      if (!isOver && !failure) connection.leave()
      isOver = true
      held.length = 0
      settle(({ resolve }) => resolve(over))
      return over
    },
    [Symbol.asyncIterator]: () => read
  }
  return {
    read,
    push: (piece) => {
      if (waiting) return settle(({ resolve }) => resolve({ done: false, value: piece }))
      held.push(piece)
      heldBytes += piece.byteLength
      if (heldBytes < heldBytesMax) return
      isPaused = true
      connection.pause()
    },
    end: () => {
      isOver = true
      settle(({ resolve }) => resolve(over))
    },
    fail: (error) => {
      if (isOver) return
      failure ??= { error }
      settle(({ reject }) => reject(error))
    }
  }
}
