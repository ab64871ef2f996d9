const bytesMax = 8 * 1024 * 1024

/** For the tools of one answer of the console, which has no pages. */
export type Room = {
  /** Takes so much of it; false where there is not as much left. */
  take: (bytes: number) => boolean
}

export const createRoom = (): Room => {
  let left = bytesMax
  return {
    take: (bytes) => {
      if (bytes > left) return false
      left -= bytes
      return true
    }
  }
}
