/** How many bytes of large answers are held at once, over all calls. */
export type HeldBudget = {
  /** Takes so many, or gives them back where it is less than none; false where there are not so many. */
  take: (bytes: number) => boolean
}

/** Of one answer this much is not counted: all answers together that are smaller take less than their calls do. */
export const uncountedBytesMax = 64 * 1024

export const createHeldBudget = (bytesMax: number): HeldBudget => {
  let left = bytesMax
  return {
    take: (bytes) => {
      if (bytes > left) return false
      left -= bytes
      return true
    }
  }
}

/** What one answer takes of the budget. */
export class HeldRoom {
  private readonly budget: HeldBudget
  private bytes = 0

  constructor(budget: HeldBudget) {
    this.budget = budget
  }

  /** So many bytes are held, or shall be; false where there is no room for them. Then it takes none, so that others have room. */
  resize(bytes: number): boolean {
    const counted = bytes > uncountedBytesMax ? bytes : 0
    const hasRoom = this.budget.take(counted - this.bytes)
    if (!hasRoom) this.budget.take(-this.bytes)
    this.bytes = hasRoom ? counted : 0
    return hasRoom
  }
}
